"""Releases: what is served from one moment to the next, and how it travels and rests."""

from gateway.release.release import (
    ACCOUNT_BUCKET,
    BASE_ARM,
    CANARY_ARM,
    NO_METHOD_BLOCK,
    Deployments,
    Release,
    Stages,
    arms,
    bucket_identity,
    is_method_block,
    method_block_identity,
    required_blocks,
    required_buckets,
    stage_block_identity,
)

__all__ = [
    "ACCOUNT_BUCKET",
    "BASE_ARM",
    "CANARY_ARM",
    "NO_METHOD_BLOCK",
    "Deployments",
    "Release",
    "Stages",
    "arms",
    "bucket_identity",
    "is_method_block",
    "method_block_identity",
    "required_blocks",
    "required_buckets",
    "stage_block_identity",
]
