// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRegistry} from "./IRegistry.sol";

/// @title Time and order from outside: checkpoints of logs, and three slots a tender.
/// @dev Readers prove values from storage slots, never from receipts, since some chains' receipts
///      cannot be proven. Every `at` is the block's time in seconds since 1970, UTC.
///
///      Tenders are kept under sha256(stream || keeper), and a caller writes its own slots only.
///      The id of a stream is no secret for long: without the keeper in the key, the member that
///      wrote first could lock out the host. Which keeper counts is said by the stream's first
///      record: the host.
contract Anchor {
    /// @notice The newest anchored checkpoint of one account's log.
    struct Checkpoint {
        uint64 size;
        uint64 at;
        bytes32 root;
    }

    /// @notice The slots of one keeper's tender; a part that is not yet written is zero.
    struct Tender {
        address keeper;
        uint64 deadline;
        uint64 bidsAt;
        uint64 resultAt;
        bytes32 bidsRoot;
        bytes32 bidsHead;
        bytes32 result;
        bytes32 resultHead;
    }

    IRegistry private immutable _registry;
    mapping(address => Checkpoint) private _checkpoints;
    mapping(bytes32 => Tender) private _tenders;

    /// @notice An account's log was anchored at this size.
    event CheckpointAnchored(address indexed account, uint64 size, bytes32 root);
    /// @notice A keeper's tender got its deadline or a later one.
    event DeadlineSet(bytes32 indexed stream, address indexed keeper, uint64 deadline);
    /// @notice The bids of a keeper's tender were closed.
    event BidsClosed(bytes32 indexed stream, address indexed keeper, bytes32 root, bytes32 head);
    /// @notice The result of a keeper's tender was set.
    event ResultSet(bytes32 indexed stream, address indexed keeper, bytes32 result, bytes32 head);

    /// @notice The caller is not active in the registry.
    error AnchorNotActive(address account);
    /// @notice The log would shrink, or show a second root at one size.
    error AnchorSizeMustGrow(uint64 known, uint64 size);
    /// @notice The caller has set no deadline for this tender.
    error AnchorNoDeadline(bytes32 stream, address keeper);
    /// @notice A deadline may only move later.
    error AnchorDeadlineMustGrow(uint64 known, uint64 deadline);
    /// @notice The bids of this tender are closed already.
    error AnchorBidsAlreadyClosed(uint64 at);
    /// @notice The bids may not be closed before the deadline.
    error AnchorBeforeDeadline(uint64 deadline, uint64 time);
    /// @notice A result needs closed bids.
    error AnchorBidsNotClosed(bytes32 stream);
    /// @notice The result of this tender stands already.
    error AnchorResultAlreadySet(uint64 at);
    /// @notice Zero means "not written" and cannot be written.
    error AnchorZero();

    modifier onlyActive() {
        if (!_registry.isActive(msg.sender)) revert AnchorNotActive(msg.sender);
        _;
    }

    /// @param registry The registry that says who is active; for ever.
    constructor(IRegistry registry) {
        _registry = registry;
    }

    /// @notice Records the root of the caller's log at `size` entries.
    /// @dev The chain orders roots and refuses a smaller tree or a second root for one size. That
    ///      the larger tree extends the smaller is proven off chain, by witnesses.
    /// @param size Number of entries; it must grow, so a centre cannot shorten its history here.
    /// @param root RFC 6962 SHA-256 Merkle root of these entries.
    function anchorCheckpoint(uint64 size, bytes32 root) external onlyActive {
        uint64 known = _checkpoints[msg.sender].size;
        if (size <= known) revert AnchorSizeMustGrow(known, size);
        _checkpoints[msg.sender] = Checkpoint(size, uint64(block.timestamp), root);
        emit CheckpointAnchored(msg.sender, size, root);
    }

    /// @notice Sets the deadline of the caller's tender or moves it later.
    /// @dev A deadline that has passed is accepted, since the chain may have been down. Once the
    ///      bids are closed it stands.
    /// @param stream Id of the tender's stream.
    /// @param deadline Seconds since 1970, UTC.
    function setDeadline(bytes32 stream, uint64 deadline) external onlyActive {
        Tender storage tender = _tenders[keyOf(stream, msg.sender)];
        if (tender.bidsAt != 0) revert AnchorBidsAlreadyClosed(tender.bidsAt);
        if (deadline <= tender.deadline) revert AnchorDeadlineMustGrow(tender.deadline, deadline);
        tender.keeper = msg.sender;
        tender.deadline = deadline;
        emit DeadlineSet(stream, msg.sender, deadline);
    }

    /// @notice Fixes all bids in force, once, at or after the deadline and before any opening.
    /// @dev That nothing was opened before is proven off chain, from the order of the records.
    /// @param stream Id of the tender's stream.
    /// @param root RFC 6962 root over the sorted ids of the bids and one random leaf.
    /// @param head The stream's newest entry; its number is kept away, it would count the bids.
    function closeBids(bytes32 stream, bytes32 root, bytes32 head) external onlyActive {
        Tender storage tender = _kept(stream);
        if (tender.bidsAt != 0) revert AnchorBidsAlreadyClosed(tender.bidsAt);
        if (block.timestamp < tender.deadline) {
            revert AnchorBeforeDeadline(tender.deadline, uint64(block.timestamp));
        }
        if (root == bytes32(0) || head == bytes32(0)) revert AnchorZero();
        tender.bidsAt = uint64(block.timestamp);
        tender.bidsRoot = root;
        tender.bidsHead = head;
        emit BidsClosed(stream, msg.sender, root, head);
    }

    /// @notice Fixes the tender's result, once, and only after its bids.
    /// @param stream Id of the tender's stream.
    /// @param result Id of the result record.
    /// @param head The stream's newest entry at that moment.
    function setResult(bytes32 stream, bytes32 result, bytes32 head) external onlyActive {
        Tender storage tender = _kept(stream);
        if (tender.bidsAt == 0) revert AnchorBidsNotClosed(stream);
        if (tender.resultAt != 0) revert AnchorResultAlreadySet(tender.resultAt);
        if (result == bytes32(0) || head == bytes32(0)) revert AnchorZero();
        tender.resultAt = uint64(block.timestamp);
        tender.result = result;
        tender.resultHead = head;
        emit ResultSet(stream, msg.sender, result, head);
    }

    /// @notice The newest checkpoint anchored by this account; all zero if there is none.
    function checkpointOf(address account) external view returns (Checkpoint memory) {
        return _checkpoints[account];
    }

    /// @notice The slots of this keeper's tender; all zero if it has set no deadline.
    function tenderOf(bytes32 stream, address keeper) external view returns (Tender memory) {
        return _tenders[keyOf(stream, keeper)];
    }

    /// @notice The key under which a tender is stored: sha256(stream || keeper).
    function keyOf(bytes32 stream, address keeper) public pure returns (bytes32) {
        return sha256(abi.encodePacked(stream, keeper));
    }

    function _kept(bytes32 stream) private view returns (Tender storage tender) {
        tender = _tenders[keyOf(stream, msg.sender)];
        if (tender.deadline == 0) revert AnchorNoDeadline(stream, msg.sender);
    }
}
