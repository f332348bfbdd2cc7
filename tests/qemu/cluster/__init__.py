# SPDX-License-Identifier: GPL-2.0
"""Two target machines that replicate a disk, their client, and what is said of its requests."""
