// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Who belongs to the network: the root of trust.
/// @notice Holds each founder's descriptor and one running head over all of them, in order, and
///         names the network's other contracts, so that its own address is enough to find all. This
///         version knows founders only; members' votes come with a new contract at a new address.
/// @dev A descriptor is RFC 8785 JSON (keys, TLS certificate, origins, endpoints, status), opaque
///      here. It must itself name the member's chain account (key role `chain`), because the head
///      covers id and descriptor and nothing else. Nobody can change anything after deployment.
contract Registry {
    /// @notice One member as it stands.
    struct Entry {
        bytes32 id;
        address account;
        uint64 changedIn;
        bytes descriptor;
    }

    address private immutable _anchor;
    address private immutable _beacon;
    bytes32 private _head;
    Entry[] private _entries;
    mapping(address => bool) private _active;
    mapping(bytes32 => bool) private _known;

    /// @notice A descriptor was set; `head` is the running head after it.
    event DescriptorChanged(
        bytes32 indexed id, address indexed account, bytes descriptor, bytes32 head
    );

    /// @notice The three lists differ in length, or nobody founds the network.
    error RegistryUnevenLists(uint256 ids, uint256 accounts, uint256 descriptors);
    /// @notice An id is zero or stands twice.
    error RegistryBadId(bytes32 id);
    /// @notice An account is zero or stands twice: one account speaks for one member.
    error RegistryBadAccount(address account);
    /// @notice A descriptor is empty.
    error RegistryEmptyDescriptor(bytes32 id);

    /// @notice An address of another contract is zero, or stands for both.
    error RegistryBadContracts(address anchor, address beacon);

    /// @notice Founds the network; every founder is active from the start.
    /// @dev The other contracts need this one's address, so they come after it: the deployer
    ///      computes their addresses ahead, and checks afterwards that they stand there.
    /// @param ids The founders' ids, each once, in the order the head is made in.
    /// @param accounts Their chain accounts, each once.
    /// @param descriptors Their descriptors, RFC 8785 JSON in UTF-8.
    /// @param anchor Where the anchor will be.
    /// @param beacon Where the beacon will be.
    constructor(
        bytes32[] memory ids,
        address[] memory accounts,
        bytes[] memory descriptors,
        address anchor,
        address beacon
    ) {
        if (anchor == address(0) || beacon == address(0) || anchor == beacon) {
            revert RegistryBadContracts(anchor, beacon);
        }
        _anchor = anchor;
        _beacon = beacon;
        uint256 n = ids.length;
        if (n == 0 || accounts.length != n || descriptors.length != n) {
            revert RegistryUnevenLists(n, accounts.length, descriptors.length);
        }
        for (uint256 i = 0; i < n; i++) {
            _admit(ids[i], accounts[i], descriptors[i]);
        }
    }

    /// @notice The running head: head = sha256(head || id || sha256(descriptor)), from zero.
    /// @dev Whoever holds the descriptors in order recomputes it and so proves the whole registry
    ///      from one storage slot.
    function head() external view returns (bytes32) {
        return _head;
    }

    /// @notice Number of changes the head covers.
    function count() external view returns (uint256) {
        return _entries.length;
    }

    /// @notice Every entry as it stands, in the order of admission.
    function all() external view returns (Entry[] memory) {
        return _entries;
    }

    /// @notice Whether this account may write to the network's other contracts.
    function isActive(address account) external view returns (bool) {
        return _active[account];
    }

    /// @notice Where the network's other contracts are; for ever.
    function contracts() external view returns (address anchor, address beacon) {
        return (_anchor, _beacon);
    }

    function _admit(bytes32 id, address account, bytes memory descriptor) private {
        if (id == bytes32(0) || _known[id]) revert RegistryBadId(id);
        if (account == address(0) || _active[account]) revert RegistryBadAccount(account);
        if (descriptor.length == 0) revert RegistryEmptyDescriptor(id);
        _known[id] = true;
        _active[account] = true;
        _entries.push(Entry(id, account, uint64(block.number), descriptor));
        bytes32 next = sha256(abi.encodePacked(_head, id, sha256(descriptor)));
        _head = next;
        emit DescriptorChanged(id, account, descriptor, next);
    }
}
