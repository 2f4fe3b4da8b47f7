# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests measure.statistics."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from measure.statistics import greatest, greatest_count, ratios, spread  # noqa: E402


class Spread(unittest.TestCase):
    def test_is_the_median_with_quartiles(self):
        self.assertEqual(spread([1, 2, 3, 4, 5]), (3, 2, 4))

    def test_of_one_value_is_that(self):
        self.assertEqual(spread([7]), (7, 7, 7))


class Ratios(unittest.TestCase):
    def test_are_taken_within_a_round(self):
        # The machine was half as fast in the second round. The ratio of the medians would be 1.5, and the ratios of the
        # rounds are 2.
        samples = {"ours": [{"value": 4}, {"value": 2}], "theirs": [{"value": 2}, {"value": 1}]}
        self.assertEqual(ratios(samples), {"theirs": {"median": 2, "low": 2, "high": 2}})

    def test_leave_out_what_is_nothing(self):
        self.assertEqual(ratios({"ours": [{"value": 4}], "theirs": [{"value": 0}]}), {})
        self.assertEqual(ratios({"ours": [{"value": 4}], "theirs": [{"value": None}]}), {})
        self.assertEqual(ratios({"ours": [{"value": None}], "theirs": [{"value": 1}]}), {})


class Greatest(unittest.TestCase):
    def test_comes_within_its_resolution(self):
        for limit in (0.021, 0.3, 0.5, 0.77, 0.99):
            found = greatest(lambda rate, limit=limit: rate <= limit, 0.02, 1, 0.02)
            self.assertLessEqual(found, limit)
            self.assertGreaterEqual(found, limit - 0.02)

    def test_is_the_upper_end_at_once_where_that_holds(self):
        tried = []
        self.assertEqual(greatest(lambda rate: tried.append(rate) or True, 1, 100, 0.01), 100)
        self.assertEqual(tried, [100])

    def test_is_zero_where_nothing_holds(self):
        self.assertEqual(greatest(lambda _: False, 1, 100, 0.01), 0)


class GreatestCount(unittest.TestCase):
    def test_finds_a_count_to_within_its_resolution(self):
        for limit in (64, 65, 100, 8192, 100_000):
            found = greatest_count(lambda count, limit=limit: count <= limit, 64, 1 << 20, 0.02)
            self.assertLessEqual(found, limit)
            self.assertGreaterEqual(found, limit * 0.98 - 1)

    def test_ends_at_the_limit(self):
        self.assertEqual(greatest_count(lambda _: True, 64, 1000, 0.02), 1000)

    def test_of_nothing_is_below_the_first(self):
        self.assertEqual(greatest_count(lambda count: count <= 3, 64, 1000, 0.02), 3)


if __name__ == "__main__":
    unittest.main()
