"""The boards, in the order of use."""

import account
import health
import overview

BOARDS = [overview.BOARD, account.BOARD, health.BOARD]
