// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Who belongs to the network: the root of trust.
/// @notice Holds each member's descriptor and one running head over all changes, in order, and
///         names the network's other contracts, so that its own address is enough to find all.
///         After the founding only its active members change it: one proposes, more than half of
///         all active ones vote, anyone active executes.
/// @dev A descriptor is RFC 8785 JSON (keys, TLS certificate, origins, endpoints, status), opaque
///      here. It must itself name the member's chain account (key role `chain`), because the head
///      covers id, block and descriptor and nothing else. An operation's id covers the head it was
///      proposed over: after any change it lapses and is proposed anew, so no vote of somebody who
///      has been suspended since is ever counted.
contract Registry {
    /// @notice One member as it stands.
    struct Entry {
        bytes32 id;
        address account;
        uint64 changedIn;
        bytes descriptor;
    }

    /// @notice A change that waits for votes; `over` is the head it was proposed over.
    struct Operation {
        bytes32 over;
        bytes32 id;
        address account;
        bool active;
        bool done;
        uint64 votes;
        bytes descriptor;
    }

    bytes32 private _head;
    uint256 private _changes;
    uint256 private _activeCount;
    Entry[] private _entries;
    mapping(address => bool) private _active;
    /// @dev Place of a member in `_entries`, from 1; 0: no member.
    mapping(bytes32 => uint256) private _placeOf;
    /// @dev Whose account it is, for ever: one account speaks for one member.
    mapping(address => bytes32) private _idOf;
    mapping(bytes32 => Operation) private _operations;
    mapping(bytes32 => mapping(address => bool)) private _voted;
    address private immutable _anchor;
    address private immutable _beacon;

    /// @notice A descriptor was set; `head` is the running head after it.
    event DescriptorChanged(
        bytes32 indexed id, address indexed account, bytes descriptor, bytes32 head
    );
    /// @notice A change was proposed; the proposer's vote is counted at once.
    event OperationProposed(
        bytes32 indexed op,
        bytes32 indexed id,
        address indexed proposer,
        address account,
        bool active,
        bytes descriptor
    );
    /// @notice A member voted for a change.
    event OperationVoted(bytes32 indexed op, address indexed voter, uint64 votes);

    /// @notice The three lists differ in length, or nobody founds the network.
    error RegistryUnevenLists(uint256 ids, uint256 accounts, uint256 descriptors);
    /// @notice An id is zero or stands twice.
    error RegistryBadId(bytes32 id);
    /// @notice An account is zero, stands twice, or is not the member's.
    error RegistryBadAccount(address account);
    /// @notice A descriptor is empty.
    error RegistryEmptyDescriptor(bytes32 id);
    /// @notice An address of another contract is zero, or stands for both.
    error RegistryBadContracts(address anchor, address beacon);
    /// @notice The caller is no active member.
    error RegistryNotActive(address account);
    /// @notice Nobody proposed this, or the registry has changed since: propose it anew.
    error RegistryLapsed(bytes32 op);
    /// @notice This member has voted for it already.
    error RegistryVoted(bytes32 op, address account);
    /// @notice Not more than half of the active members have voted for it.
    error RegistryTooFewVotes(bytes32 op, uint256 votes, uint256 needed);
    /// @notice It would leave the network without any active member.
    error RegistryLastMember(bytes32 id);

    modifier onlyActive() {
        if (!_active[msg.sender]) revert RegistryNotActive(msg.sender);
        _;
    }

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
            if (_placeOf[ids[i]] != 0) revert RegistryBadId(ids[i]);
            _check(ids[i], accounts[i], descriptors[i]);
            _set(ids[i], accounts[i], true, descriptors[i]);
        }
    }

    /// @notice Proposes to admit a new member or to change one; counts as the caller's vote.
    /// @dev Proposing what stands proposed is refused as a second vote: vote for it.
    /// @param id The member.
    /// @param account Its chain account; a member keeps the one it was admitted with.
    /// @param active Whether it may write to the network's contracts afterwards.
    /// @param descriptor Its descriptor as it is to stand.
    /// @return op The operation's id: sha256(head || id || account || active || sha256(descriptor)).
    function propose(bytes32 id, address account, bool active, bytes calldata descriptor)
        external
        onlyActive
        returns (bytes32 op)
    {
        _check(id, account, descriptor);
        op = sha256(abi.encodePacked(_head, id, account, active, sha256(descriptor)));
        if (_operations[op].over == bytes32(0)) {
            _operations[op] = Operation(_head, id, account, active, false, 0, descriptor);
            emit OperationProposed(op, id, msg.sender, account, active, descriptor);
        }
        _vote(op);
    }

    /// @notice Votes for a proposed change.
    function vote(bytes32 op) external onlyActive {
        _vote(op);
    }

    /// @notice Makes a change for which more than half of the active members have voted.
    function execute(bytes32 op) external onlyActive {
        Operation storage found = _open(op);
        if (uint256(found.votes) * 2 <= _activeCount) {
            revert RegistryTooFewVotes(op, found.votes, needed());
        }
        found.done = true;
        _set(found.id, found.account, found.active, found.descriptor);
        if (_activeCount == 0) revert RegistryLastMember(found.id);
    }

    /// @notice The running head:
    ///         head = sha256(head || id || block number as 8 bytes || sha256(descriptor)), from zero.
    /// @dev Whoever holds the changes in order recomputes it and so proves the whole registry
    ///      from one storage slot.
    function head() external view returns (bytes32) {
        return _head;
    }

    /// @notice Number of changes the head covers.
    function count() external view returns (uint256) {
        return _changes;
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

    /// @notice An operation's votes, and whether it can still be voted for and executed.
    function operation(bytes32 op) external view returns (uint64 votes, bool open) {
        Operation storage found = _operations[op];
        return (found.votes, _isOpen(found));
    }

    /// @notice Whether this account has voted for an operation.
    function hasVoted(bytes32 op, address account) external view returns (bool) {
        return _voted[op][account];
    }

    /// @notice How many votes a change needs now: more than half of the active members.
    function needed() public view returns (uint256) {
        return _activeCount / 2 + 1;
    }

    function _vote(bytes32 op) private {
        Operation storage found = _open(op);
        if (_voted[op][msg.sender]) revert RegistryVoted(op, msg.sender);
        _voted[op][msg.sender] = true;
        found.votes += 1;
        emit OperationVoted(op, msg.sender, found.votes);
    }

    function _open(bytes32 op) private view returns (Operation storage found) {
        found = _operations[op];
        if (!_isOpen(found)) revert RegistryLapsed(op);
    }

    function _isOpen(Operation storage found) private view returns (bool) {
        // The head is never zero after the founding, so what nobody proposed is never open.
        return found.over == _head && !found.done;
    }

    /// @dev One id has one account and the other way round, for ever.
    function _check(bytes32 id, address account, bytes memory descriptor) private view {
        if (id == bytes32(0)) revert RegistryBadId(id);
        uint256 place = _placeOf[id];
        bytes32 owner = place == 0 ? bytes32(0) : id;
        if (account == address(0) || _idOf[account] != owner) revert RegistryBadAccount(account);
        if (descriptor.length == 0) revert RegistryEmptyDescriptor(id);
    }

    function _set(bytes32 id, address account, bool active, bytes memory descriptor) private {
        Entry memory entry = Entry(id, account, uint64(block.number), descriptor);
        if (_placeOf[id] == 0) {
            _entries.push(entry);
            _placeOf[id] = _entries.length;
            _idOf[account] = id;
        } else {
            _entries[_placeOf[id] - 1] = entry;
        }
        if (active != _active[account]) {
            _active[account] = active;
            _activeCount = active ? _activeCount + 1 : _activeCount - 1;
        }
        _changes += 1;
        bytes memory said = abi.encodePacked(_head, id, uint64(block.number), sha256(descriptor));
        _head = sha256(said);
        emit DescriptorChanged(id, account, descriptor, _head);
    }
}
