// SPDX-License-Identifier: GPL-2.0-or-later
// This source is compiled only for its precompiled header.
