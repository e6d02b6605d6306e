"""The boards, in the order of use."""

import overview

BOARDS = [overview.BOARD]
