// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRegistry} from "./IRegistry.sol";

/// @title Common chance by commit and reveal: nobody chooses it, everybody can recompute it.
/// @dev The seed is computed off chain from all secrets, never from some of them. The last to
///      reveal can still void a round by silence; it is seen who did, and the protocol bars him.
///
///      Rounds are kept under sha256(round || opener). The id of a round can be computed by every
///      follower of the draw, so without the opener in the key a hostile member could open
///      somebody's round first, with other members, and block it. Which opener counts for a draw
///      is said by its records: the host.
contract Beacon {
    /// @notice One round of one opener. Times are block times in seconds since 1970, UTC.
    struct Round {
        uint64 openedAt;
        uint64 commitBy;
        uint64 revealBy;
        address opener;
        uint32 commits;
        uint32 reveals;
        address[] members;
    }

    bytes private constant TAG = "yuanping/commit/v1\n";
    uint256 private constant LEAST_MEMBERS = 2;

    IRegistry private immutable _registry;
    mapping(bytes32 => Round) private _rounds;
    mapping(bytes32 => mapping(address => bytes32)) private _commits;
    mapping(bytes32 => mapping(address => bytes32)) private _secrets;

    /// @notice A round was opened for these members.
    event RoundOpened(
        bytes32 indexed round,
        address indexed opener,
        address[] members,
        uint64 commitBy,
        uint64 revealBy
    );
    /// @notice A member committed to a secret.
    event SecretCommitted(
        bytes32 indexed round, address indexed opener, address indexed account, bytes32 commitment
    );
    /// @notice A member revealed its secret.
    event SecretRevealed(
        bytes32 indexed round, address indexed opener, address indexed account, bytes32 secret
    );

    /// @notice The account is not active in the registry.
    error BeaconNotActive(address account);
    /// @notice The members are not ascending, or fewer than two: one alone would choose the seed.
    error BeaconBadMembers(address account);
    /// @notice A step would have no time.
    error BeaconBadTimes(uint64 commitSeconds, uint64 revealSeconds);
    /// @notice This opener has opened this round already.
    error BeaconAlreadyOpened(uint64 at);
    /// @notice This opener has opened no such round.
    error BeaconNotOpened(bytes32 round, address opener);
    /// @notice The account is no member of this round.
    error BeaconNotMember(address account);
    /// @notice The step's time is over.
    error BeaconTooLate(uint64 deadline, uint64 time);
    /// @notice This member has taken this step already.
    error BeaconAlreadyDone(address account);
    /// @notice Not every member has committed yet.
    error BeaconCommitsMissing(uint256 commits, uint256 members);
    /// @notice The secret is not the one committed to.
    error BeaconMismatch(bytes32 commitment);
    /// @notice Zero means "not written" and cannot be written.
    error BeaconZero();

    /// @param registry The registry that says who is active; for ever.
    constructor(IRegistry registry) {
        _registry = registry;
    }

    /// @notice Opens a round, once for each opener, and fixes its members and times.
    /// @dev That no seed was known before some other fact is proven from `openedAt`, that everybody
    ///      had the time to take part from the two times after it.
    /// @param round Id of the round, as the protocol derives it from draw, purpose and number.
    /// @param members Two or more accounts in strictly ascending order. The caller need not be among
    ///        them: who is left out of a round for his silence still opens it. Nor need they be
    ///        active: one that was suspended is silent, and the next round goes on without it.
    /// @param commitSeconds How long commitments are taken, from this block's time on.
    /// @param revealSeconds How long secrets are taken after that.
    function open(
        bytes32 round,
        address[] calldata members,
        uint64 commitSeconds,
        uint64 revealSeconds
    ) external {
        Round storage opened = _rounds[keyOf(round, msg.sender)];
        if (opened.openedAt != 0) revert BeaconAlreadyOpened(opened.openedAt);
        if (commitSeconds == 0 || revealSeconds == 0) {
            revert BeaconBadTimes(commitSeconds, revealSeconds);
        }
        _checkMembers(members);
        uint64 commitBy = uint64(block.timestamp) + commitSeconds;
        uint64 revealBy = commitBy + revealSeconds;
        opened.openedAt = uint64(block.timestamp);
        opened.commitBy = commitBy;
        opened.revealBy = revealBy;
        opened.opener = msg.sender;
        opened.members = members;
        emit RoundOpened(round, msg.sender, members, commitBy, revealBy);
    }

    /// @notice Commits the caller to a secret, once, while commitments are taken.
    /// @dev The account is inside the digest, so nobody can copy another's commitment and secret.
    /// @param round Id of the round.
    /// @param opener Who opened it.
    /// @param commitment sha256("yuanping/commit/v1\n" || round || account || secret).
    function commit(bytes32 round, address opener, bytes32 commitment) external {
        (bytes32 key, Round storage opened) = _opened(round, opener);
        if (block.timestamp > opened.commitBy) {
            revert BeaconTooLate(opened.commitBy, uint64(block.timestamp));
        }
        if (!_isMember(opened.members, msg.sender)) revert BeaconNotMember(msg.sender);
        if (commitment == bytes32(0)) revert BeaconZero();
        if (_commits[key][msg.sender] != bytes32(0)) revert BeaconAlreadyDone(msg.sender);
        _commits[key][msg.sender] = commitment;
        opened.commits++;
        emit SecretCommitted(round, opener, msg.sender, commitment);
    }

    /// @notice Reveals the caller's secret, once, after every member has committed.
    /// @dev Until the last commitment stands nobody reveals: a later committer would see secrets.
    /// @param round Id of the round.
    /// @param opener Who opened it.
    /// @param secret The 32 bytes committed to; not zero.
    function reveal(bytes32 round, address opener, bytes32 secret) external {
        (bytes32 key, Round storage opened) = _opened(round, opener);
        if (!_isMember(opened.members, msg.sender)) revert BeaconNotMember(msg.sender);
        if (opened.commits != opened.members.length) {
            revert BeaconCommitsMissing(opened.commits, opened.members.length);
        }
        if (block.timestamp > opened.revealBy) {
            revert BeaconTooLate(opened.revealBy, uint64(block.timestamp));
        }
        if (secret == bytes32(0)) revert BeaconZero();
        if (_secrets[key][msg.sender] != bytes32(0)) revert BeaconAlreadyDone(msg.sender);
        bytes32 commitment = _commits[key][msg.sender];
        if (sha256(abi.encodePacked(TAG, round, msg.sender, secret)) != commitment) {
            revert BeaconMismatch(commitment);
        }
        _secrets[key][msg.sender] = secret;
        opened.reveals++;
        emit SecretRevealed(round, opener, msg.sender, secret);
    }

    /// @notice The round as it stands; `openedAt` zero if this opener has not opened it.
    function roundOf(bytes32 round, address opener) external view returns (Round memory) {
        return _rounds[keyOf(round, opener)];
    }

    /// @notice A member's commitment; zero if it has not committed.
    function commitOf(bytes32 round, address opener, address account)
        external
        view
        returns (bytes32)
    {
        return _commits[keyOf(round, opener)][account];
    }

    /// @notice A member's secret; zero if it has not revealed.
    function secretOf(bytes32 round, address opener, address account)
        external
        view
        returns (bytes32)
    {
        return _secrets[keyOf(round, opener)][account];
    }

    /// @notice The key under which a round is stored: sha256(round || opener).
    function keyOf(bytes32 round, address opener) public pure returns (bytes32) {
        return sha256(abi.encodePacked(round, opener));
    }

    function _opened(bytes32 round, address opener)
        private
        view
        returns (bytes32 key, Round storage opened)
    {
        key = keyOf(round, opener);
        opened = _rounds[key];
        if (opened.openedAt == 0) revert BeaconNotOpened(round, opener);
    }

    function _checkMembers(address[] calldata members) private view {
        if (!_registry.isActive(msg.sender)) revert BeaconNotActive(msg.sender);
        if (members.length < LEAST_MEMBERS) revert BeaconBadMembers(msg.sender);
        address previous = address(0);
        for (uint256 i = 0; i < members.length; i++) {
            address member = members[i];
            if (member <= previous) revert BeaconBadMembers(member);
            previous = member;
        }
    }

    function _isMember(address[] storage members, address account) private view returns (bool) {
        for (uint256 i = 0; i < members.length; i++) {
            if (members[i] == account) return true;
        }
        return false;
    }
}
