// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What the other contracts ask of a registry, in this version and in later ones.
interface IRegistry {
    /// @notice Whether this account may write to the network's contracts now.
    function isActive(address account) external view returns (bool);
}
