# SPDX-License-Identifier: GPL-2.0-or-later
"""What rbbench is made of; main.py is the way in."""
