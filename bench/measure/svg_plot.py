# SPDX-License-Identifier: GPL-2.0-or-later
"""Plots as SVG: lines, grouped bars, and intervals around a ratio of one.

How it works: each function returns the text of one <svg>. Colours come in pairs, for a light and for a dark ground. The style
sheet STYLE chooses by the reader's preference, and paper is always light. A plot in a file of its own contains STYLE; plots
in one page share it. Elements also have the light colour as an attribute, for programs without custom properties. Everything
is drawn in the requested size, so that letters have the same size in a narrow plot. A pointer on a mark shows its figures, by
<title>; no script is needed.
"""
import collections
import html
import math

FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'
STYLE = f"""
.rb-plot {{ --ground: #ffffff; --ink: #1b2127; --quiet: #59636e; --grid: #e3e7eb; --base: #8b959f;
  font-family: {FONT}; font-size: 12px; font-variant-numeric: tabular-nums; }}
.rb-plot .ground {{ fill: var(--ground); }}
.rb-plot .title {{ font-size: 14px; font-weight: 600; fill: var(--ink); }}
.rb-plot .note, .rb-plot .tick {{ fill: var(--quiet); }}
.rb-plot .grid {{ stroke: var(--grid); }}
.rb-plot .base {{ stroke: var(--base); }}
.rb-plot .halo {{ paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round; }}
.rb-plot .series {{ --colour: var(--light); }}
.rb-plot .line, .rb-plot .spread {{ stroke: var(--colour); }}
.rb-plot .mark, .rb-plot .bar, .rb-plot .label {{ fill: var(--colour); }}
.rb-plot .mark {{ stroke: var(--ground); }}
.rb-plot .over {{ stroke: var(--ink); }}
@media screen and (prefers-color-scheme: dark) {{
  .rb-plot {{ --ground: #15191e; --ink: #e8ecf0; --quiet: #a0abb6; --grid: #2a3139; --base: #6b7682; }}
  .rb-plot .series {{ --colour: var(--dark); }}
}}
"""
# The same colours for programs without style sheets.
LIGHT = {"ground": "#ffffff", "ink": "#1b2127", "quiet": "#59636e", "grid": "#e3e7eb", "base": "#8b959f"}

NARROW = 440  # plots up to this width have a legend instead of labels beside their lines
LINE_HEIGHT = 15
TITLE_SIZE, TEXT_SIZE = 14, 12
TICK_GAP = 8
BESIDE_GAP = 46  # between a log axis and values that have no place on it

Point = collections.namedtuple("Point", "x y low high words", defaults=(None, None, ""))
# Axis: kind is "linear" or "log". ticks is None for round ticks. words makes the text of a value. Linear axes begin at zero.
# `beside` has the values without a number (a mix of sizes, a maximum), which are to the right of all others.
Axis = collections.namedtuple("Axis", "label kind words ticks beside end", defaults=("linear", "{:g}".format, None, (), None))
Series = collections.namedtuple("Series", "label points colour mark is_strong is_reference", defaults=("circle", False, False))
# Row of an interval plot: the label on the left, and [(number of the series, Point)], where x is the value.
Row = collections.namedtuple("Row", "label points")


class Scale:
    """Maps values to places on a plot."""

    def __init__(self, axis, values, begin, end):
        self.axis, self.begin, self.end = axis, begin, end
        numbers = [value for value in values if isinstance(value, (int, float)) and (axis.kind == "linear" or value > 0)]
        self.beside = [name for name in axis.beside if name in set(values)]
        if self.beside:
            step = BESIDE_GAP if numbers else (end - begin) / len(self.beside)
            self.end = end - step * len(self.beside) if numbers else begin
            self._places = {name: end - step * (len(self.beside) - 1 - index) - (0 if numbers else step / 2)
                            for index, name in enumerate(self.beside)}
        if axis.kind == "log":
            self.low, self.high = (min(numbers), max(numbers)) if numbers else (1, 10)
            if axis.ticks is None:
                self.low, self.high = _round_down(self.low), _round_up(self.high)
            if self.low == self.high:
                self.low, self.high = self.low / 2, self.high * 2
        else:
            self.low = min([0, *numbers])
            self.high = axis.end if axis.end is not None else max([0, *numbers])
            if self.low == self.high:
                self.high = self.low + 1
            step = _round_step((self.high - self.low) / 5)
            self.step = step
            self.low = math.floor(self.low / step + 1e-9) * step
            self.high = math.ceil(self.high / step - 1e-9) * step

    def place(self, value):
        if isinstance(value, str):
            return self._places[value]
        if self.axis.kind == "log":
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        """Returns the values that are written beside the axis."""
        if self.axis.ticks is not None:
            return [tick for tick in self.axis.ticks if isinstance(tick, (int, float))]
        if self.axis.kind == "linear":
            count = round((self.high - self.low) / self.step)
            return [round(self.low + index * self.step, 12) for index in range(count + 1)]
        decades = math.log10(self.high / self.low)
        digits = (1,) if decades > 4 else (1, 3) if decades > 3 else (1, 2, 5)
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        ticks = [digit * 10.0 ** exponent for exponent in exponents for digit in digits]
        return [tick for tick in ticks if self.low * 0.999 <= tick <= self.high * 1.001]


def _round_step(step):
    power = 10.0 ** math.floor(math.log10(step))
    return next(digit * power for digit in (1, 2, 2.5, 5, 10) if digit * power >= step * 0.999)


def _round_down(value):
    power = 10.0 ** math.floor(math.log10(value))
    return next((digit * power for digit in (5, 2, 1) if digit * power <= value), power / 2)


def _round_up(value):
    power = 10.0 ** math.floor(math.log10(value))
    return next((digit * power for digit in (1, 2, 5) if digit * power >= value), 10 * power)


def text_width(text, size=TEXT_SIZE):
    """Returns the approximate width of a text in a typeface like those of FONT."""
    def width(letter):
        if letter in "ijltfrI.,:;|!'()[]/ ":
            return 0.34
        if letter in "mwMW%":
            return 0.88
        return 0.68 if letter.isupper() else 0.58
    return sum(map(width, text)) * size


def wrap(text, width, size=TEXT_SIZE):
    """Returns a text as lines of a maximum width. A word that is wider gets a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def escape(text):
    """Escapes text and attributes. Characters that XML does not allow are left out."""
    return html.escape("".join(letter for letter in str(text) if letter >= " " and letter not in "\ufffe\uffff"
                               and not "\ud800" <= letter <= "\udfff"), quote=True)


def _n(value):
    """Returns a coordinate as text, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")


def _line(x1, y1, x2, y2, kind, **more):
    fallback = f' stroke="{LIGHT[kind]}"' if kind in LIGHT else ""
    return f'<line class="{kind}" x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"{fallback}{_more(more)}/>'


def _text(x, y, text, kind, anchor="start", **more):
    colour = LIGHT["ink" if kind == "title" else "quiet"]
    fallback = f' fill="{colour}"' if not kind.startswith("label") else ""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}"{where}{fallback}{_more(more)}>{escape(text)}</text>'


def _more(more):
    return "".join(f' {name.replace("_", "-")}="{escape(value)}"' for name, value in more.items())


MARKS = {
    "circle": '<circle r="{r}" {more}/>',
    "square": '<rect x="-{s}" y="-{s}" width="{d}" height="{d}" {more}/>',
    "diamond": '<path d="M0-{b}L{b} 0L0 {b}L-{b} 0Z" {more}/>',
    "triangle": '<path d="M0-{b}L{b} {s}L-{b} {s}Z" {more}/>',
    "inverted": '<path d="M0 {b}L{b}-{s}L-{b}-{s}Z" {more}/>',
    "cross": '<path d="M-{b}-{s}L-{s}-{b}L0-{e}L{s}-{b}L{b}-{s}L{e} 0L{b} {s}L{s} {b}L0 {e}L-{s} {b}L-{b} {s}L-{e} 0Z" {more}/>',
}


def _mark(series, x, y, words="", radius=4.0):
    """Returns a mark with its middle at x, y. A pointer on the mark shows its words."""
    radius *= 1.2 if series.is_strong else 1
    sizes = {"r": radius, "s": radius * 0.88, "d": radius * 1.76, "b": radius * 1.25, "e": radius * 0.45}
    more = f'class="mark" fill="{series.colour[0]}" stroke="{LIGHT["ground"]}" stroke-width="1.2"'
    shape = MARKS[series.mark].format(more=more, **{name: f"{size:.2f}" for name, size in sizes.items()})
    told = f"<title>{escape(words)}</title>" if words else ""
    return f'<g transform="translate({_n(x)} {_n(y)})">{told}{shape}</g>'


def _stroke(series):
    """Returns the style of a line: the first switch is stronger than its peers, and bounds are broken lines."""
    width = 2.8 if series.is_strong else 1.7
    broken = ' stroke-dasharray="5 4"' if series.is_reference else ""
    return f'stroke="{series.colour[0]}" stroke-width="{width}"{broken}'


def _group(series, content):
    """Returns the elements of one series as a group with its colours."""
    light, dark = series.colour
    return f'<g class="series" style="--light:{escape(light)};--dark:{escape(dark)}">{content}</g>'


def _svg(identifier, title, description, width, height, content, standalone):
    name = escape(identifier)
    style = f"<style>{STYLE}</style>" if standalone else ""
    fallback = f' font-family="{escape(FONT)}" font-size="{TEXT_SIZE}"' if standalone else ""
    size = f' width="{_n(width)}" height="{_n(height)}"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="rb-plot" role="img" viewBox="0 0 {_n(width)} {_n(height)}"{size} '
            f'aria-labelledby="{name}-title {name}-desc"{fallback}>'
            f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>{style}'
            f'<rect class="ground" width="100%" height="100%" fill="{LIGHT["ground"]}"/>{content}</svg>\n')


def _head(title, note, width, margin):
    """Draws the title and the label of the vertical axis. Returns the text and the place of its end."""
    parts, y = [], 4
    for line in wrap(title, width - 2 * margin, TITLE_SIZE * 1.06):
        y += 17
        parts.append(_text(margin, y, line, "title", font_weight=600, font_size=TITLE_SIZE))
    for line in wrap(note, width - 2 * margin) if note else []:
        y += LINE_HEIGHT + 1
        parts.append(_text(margin, y, line, "note"))
    return "".join(parts), y


def _legend(series, width, margin, y, is_bars=False):
    """Draws rows of samples with names. Returns the text and the place of its end."""
    parts, x = [], margin
    y += 20
    for one in series:
        size = (16 if is_bars else 28) + text_width(one.label) + 14
        if x > margin and x + size > width - margin + 14:
            x, y = margin, y + 18
        if is_bars:
            sample = f'<rect class="bar" x="{_n(x)}" y="{_n(y - 9)}" width="10" height="10" rx="1.5" fill="{one.colour[0]}"/>'
        else:
            sample = (f'<line class="line" x1="{_n(x)}" y1="{_n(y - 4)}" x2="{_n(x + 22)}" y2="{_n(y - 4)}" {_stroke(one)}/>'
                      + _mark(one, x + 11, y - 4))
        label = _text(x + (16 if is_bars else 28), y, one.label, "label", fill=one.colour[0], **_weight(one))
        parts.append(_group(one, sample + label))
        x += size
    return "".join(parts), y


def _weight(series):
    return {"font_weight": 700 if series.is_strong else 500}


def _spread_mark(point, x, scale):
    """Returns a line from quartile to quartile, with short ends."""
    if point.low is None:
        return ""
    low, high = scale.place(point.low), scale.place(point.high)
    path = f"M{_n(x)} {_n(low)}V{_n(high)}M{_n(x - 3)} {_n(low)}h6M{_n(x - 3)} {_n(high)}h6"
    return f'<path class="spread" d="{path}" stroke-width="1.2" stroke-opacity=".75" fill="none"'


def _apart(wanted, gap, low, high):
    """Returns places between low and high that keep a gap, in the order of `wanted` and as near to it as possible."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    blocks = []  # groups of neighbours that touch: [sum of (wanted - offset), indices]
    for index in order:
        blocks.append([wanted[index], [index]])
        while len(blocks) > 1 and _top(blocks[-2], gap) + gap * len(blocks[-2][1]) > _top(blocks[-1], gap):
            total, indices = blocks.pop()
            before = blocks[-1]
            before[0] += total - gap * len(before[1]) * len(indices)
            before[1] += indices
    places = [0.0] * len(wanted)
    floor = low
    for position, block in enumerate(blocks):
        after = sum(len(one[1]) for one in blocks[position:])
        top = max(floor, min(_top(block, gap), high - gap * (after - 1)))
        for offset, index in enumerate(block[1]):
            places[index] = top + gap * offset
        floor = top + gap * len(block[1])
    return places


def _top(block, gap):
    return block[0] / len(block[1])


def _axis_ticks(scale, height_of_base, words, is_narrow):
    """Returns the words below a horizontal axis that fit. The first and the last take precedence."""
    places = [(scale.place(tick), words(tick)) for tick in scale.ticks()]
    places += [(scale.place(name), name) for name in scale.beside]
    first_of_all = sorted(range(len(places)), key=lambda index: (index not in (0, len(places) - 1 - len(scale.beside)), 0
                                                                 if index < len(places) - len(scale.beside) else -1, index))
    taken, parts = [], []
    for index in first_of_all:
        x, text = places[index]
        half = text_width(text) / 2 + (2 if is_narrow else 3)
        parts.append(_line(x, height_of_base, x, height_of_base + 4, "base"))
        if all(x + half <= left or x - half >= right for left, right in taken):
            taken.append((x - half, x + half))
            parts.append(_text(x, height_of_base + 17, text, "tick", "middle"))
    return "".join(parts)


def _vertical_axis(scale, left, right):
    parts = []
    for tick in scale.ticks():
        y = scale.place(tick)
        is_base = scale.axis.kind == "linear" and tick == 0
        parts.append(_line(left, y, right, y, "base" if is_base else "grid"))
        parts.append(_text(left - TICK_GAP, y + 4, scale.axis.words(tick), "tick", "end"))
    return "".join(parts)


def _left_margin(scale, margin):
    return margin + TICK_GAP + max((text_width(scale.axis.words(tick)) for tick in scale.ticks()), default=0)


def line_plot(identifier, title, series, x_axis, y_axis, description="", width=560, height=330, standalone=False, heading=None):
    """Draws lines through medians, with a mark at each and a line from quartile to quartile.

    `heading` is written above the plot instead of the title.
    """
    series = [one for one in series if one.points]
    margin = 14
    head, y = _head(heading or title, y_axis.label, width, margin)
    is_narrow = width <= NARROW
    if is_narrow:
        legend, y = _legend(series, width, margin, y)
    else:
        legend = ""
    top, bottom = y + 16, height + (y - 50 if is_narrow else 0) - 44
    height = bottom + 44
    values = [value for one in series for point in one.points for value in (point.y, point.low, point.high) if value is not None]
    y_scale = Scale(y_axis, values, bottom, top)
    left = _left_margin(y_scale, margin)
    beside_width = 0 if is_narrow else max((text_width(one.label, TEXT_SIZE * 1.06) for one in series), default=0) + 22
    right = width - margin - max(beside_width, 12)
    x_scale = Scale(x_axis, [point.x for one in series for point in one.points], left + 12, right - 8)

    parts = [head, legend, _vertical_axis(y_scale, left, right)]
    if x_scale.beside and x_scale.end > x_scale.begin:
        middle = (x_scale.end + min(map(x_scale.place, x_scale.beside))) / 2
        parts.append(_line(middle, top, middle, bottom, "grid", stroke_dasharray="2 4"))
    if y_axis.kind == "log":
        parts.append(_line(left, bottom, right, bottom, "base"))
    parts.append(_axis_ticks(x_scale, bottom, x_axis.words, is_narrow))
    parts.append(_text((left + right) / 2, bottom + 35, x_axis.label, "note", "middle"))

    ends = []
    for one in sorted(series, key=lambda one: (one.is_strong, not one.is_reference)):
        places = [(x_scale.place(point.x), y_scale.place(point.y), point) for point in one.points]
        joined = [f"{_n(x)} {_n(y)}" for x, y, point in places if not isinstance(point.x, str)]
        content = f'<path class="line" d="M{"L".join(joined)}" fill="none" stroke-linejoin="round" {_stroke(one)}/>' \
            if len(joined) > 1 else ""
        for x, _, point in places:
            mark = _spread_mark(point, x, y_scale)
            content += f'{mark} stroke="{one.colour[0]}"/>' if mark else ""
        content += "".join(_mark(one, x, y, f"{one.label}, {point.words}" if point.words else "") for x, y, point in places)
        parts.append(_group(one, content))
        ends.append((one, *max(places, key=lambda place: place[0])[:2]))
    if not is_narrow:
        label_y = _apart([y for _, _, y in ends], LINE_HEIGHT, top + 2, bottom)
        for (one, x, y), place in zip(ends, label_y):
            begin, end = x + 7, right + 12
            leader = f'<path class="line" d="M{_n(begin)} {_n(y)}L{_n(max(begin, end - 9))} {_n(y)}L{_n(end)} {_n(place)}" ' \
                f'fill="none" stroke="{one.colour[0]}" stroke-width=".8" stroke-opacity=".6"/>' \
                if abs(place - y) > 3 or end - begin > 20 else ""
            parts.append(_group(one, leader + _text(end + 3, place + 4, one.label, "label", fill=one.colour[0], **_weight(one))))
    return _svg(identifier, title, description, width, height, "".join(parts), standalone)


def grouped_bars(identifier, title, categories, series, y_axis, x_label="", description="", width=560, height=330,
                 standalone=False, heading=None, words=None):
    """Draws bars from zero, one of each series for each category. The points have categories as x.

    `words` are written above the bars of a strong series.
    """
    series = [one for one in series if one.points]
    margin = 14
    head, y = _head(heading or title, y_axis.label, width, margin)
    legend, y = _legend(series, width, margin, y, is_bars=True)
    top, bottom = y + 24, height + max(0, y - 60) - 44
    height = bottom + 44
    values = [value for one in series for point in one.points for value in (point.y, point.low, point.high) if value is not None]
    y_scale = Scale(y_axis, values, bottom, top)
    left, right = _left_margin(y_scale, margin), width - margin
    step = (right - left) / max(1, len(categories))
    inner = min(step * 0.86, 46 * len(series))
    bar = inner / max(1, len(series))

    parts = [head, legend, _vertical_axis(y_scale, left, right)]
    lines = [wrap(category, step - 6) for category in categories]
    for index, category_lines in enumerate(lines):
        for number, line in enumerate(category_lines):
            parts.append(_text(left + (index + 0.5) * step, bottom + 17 + number * 14, line, "tick", "middle"))
    extra = 14 * (max(map(len, lines), default=1) - 1)
    height += extra
    parts.append(_text((left + right) / 2, bottom + 35 + extra, x_label, "note", "middle"))
    labels = ""
    for number, one in enumerate(series):
        content, over = "", ""
        for point in one.points:
            index = categories.index(point.x)
            x = left + (index + 0.5) * step - inner / 2 + number * bar
            y, zero = y_scale.place(point.y), y_scale.place(0)
            told = f"<title>{escape(f'{one.label}, {point.words}')}</title>" if point.words else ""
            faint = ' fill-opacity=".55"' if one.is_reference else ""
            content += f'<g>{told}<rect class="bar" x="{_n(x + bar * 0.06)}" y="{_n(min(y, zero))}" width="{_n(bar * 0.88)}" ' \
                f'height="{_n(abs(zero - y))}" fill="{one.colour[0]}"{faint}/></g>'
            middle = x + bar / 2
            mark = _spread_mark(point, middle, y_scale)
            over += f'{mark.replace("spread", "over")} stroke="{LIGHT["ink"]}"/>' if mark else ""
            if one.is_strong and words and text_width(words(point.y)) < step * 0.9:
                highest = min(y, y_scale.place(point.high)) if point.high is not None else y
                labels += _group(one, _text(middle, highest - 5, words(point.y), "label halo", "middle", fill=one.colour[0],
                                            font_weight=700))
        parts.append(_group(one, content) + over)
    parts.append(labels)
    return _svg(identifier, title, description, width, height, "".join(parts), standalone)


def interval_plot(identifier, title, rows, series, x_axis, note="", low_words="", high_words="", description="", width=560,
                  standalone=False, heading=None):
    """Draws, for each row, the ratios to several series with their quartiles, on a log axis around one."""
    margin = 14
    is_narrow = width <= NARROW
    head, y = _head(heading or title, note, width, margin)
    legend, y = _legend(series, width, margin, y)
    label_width = 0 if is_narrow else min(230, max((text_width(row.label) for row in rows), default=0) + 16)
    left, right = margin + label_width + 8, width - margin - 10
    values = [value for row in rows for _, point in row.points for value in (point.x, point.low, point.high) if value]
    low, high = min([1 / 1.25, *values]), max([1.25, *values])
    low, high = low * (low / high) ** 0.03, high * (high / low) ** 0.03
    axis = x_axis._replace(kind="log", ticks=_ratio_ticks(low, high))
    scale = Scale(axis, [low, high], left, right)
    if low_words or high_words:
        y += 22
    top = y + 8
    sides = _sides(scale.place(1), left, right, top, low_words, high_words)

    gap, content = 11, []
    y = top + 6
    for index, row in enumerate(rows):
        lines = wrap(row.label, (right - left) if is_narrow else label_width - 12)
        if is_narrow:
            for line in lines:
                y += LINE_HEIGHT
                content.append(_text(margin, y, line, "note halo"))
        height = max(len(row.points) * gap, 0 if is_narrow else len(lines) * LINE_HEIGHT) + 8
        if not is_narrow:
            begin = y + height / 2 - (len(lines) - 1) * LINE_HEIGHT / 2 + 4
            content += [_text(left - 14, begin + number * LINE_HEIGHT, line, "note", "end") for number, line in enumerate(lines)]
        for number, (which, point) in enumerate(row.points):
            one = series[which]
            middle = y + height / 2 + (number - (len(row.points) - 1) / 2) * gap
            x = scale.place(point.x)
            drawn = f'<line class="line" x1="{_n(scale.place(1))}" y1="{_n(middle)}" x2="{_n(x)}" y2="{_n(middle)}" ' \
                f'stroke="{one.colour[0]}" stroke-width="1.4" stroke-opacity=".45"/>'
            if point.low is not None:
                drawn += f'<line class="spread" x1="{_n(scale.place(point.low))}" y1="{_n(middle)}" ' \
                    f'x2="{_n(scale.place(point.high))}" y2="{_n(middle)}" stroke="{one.colour[0]}" stroke-width="3.4"/>'
            content.append(_group(one, drawn + _mark(one, x, middle, point.words, 3.6)))
        y += height
        if index + 1 < len(rows):
            content.append(_line(margin, y, right, y, "grid"))
        y += 2
    bottom = y + 2
    back = []
    for tick in axis.ticks:
        x = scale.place(tick)
        back.append(_line(x, top, x, bottom, "base" if tick == 1 else "grid"))
    back.append(_axis_ticks(scale, bottom, axis.words, is_narrow))
    back.append(_text((left + right) / 2, bottom + 35, axis.label, "note", "middle"))
    return _svg(identifier, title, description, width, bottom + 44, head + legend + sides + "".join(back) + "".join(content),
                standalone)


def _sides(one, left, right, top, low_words, high_words):
    """Draws the meaning of both sides of one, if there is room."""
    parts = ""
    if low_words and one - left > text_width(f"← {low_words}") + 6:
        parts += _text(one - 6, top - 4, f"← {low_words}", "tick", "end")
    if high_words and right - one > text_width(f"{high_words} →") + 6:
        parts += _text(one + 6, top - 4, f"{high_words} →", "tick")
    return parts


def _ratio_ticks(low, high):
    """Returns 1 and the ticks around it, within the range of the data."""
    above = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    if high / low < 30:
        above = [1, 1.5, 2, 3, 5, 7, 10, 20]
    if high / low < 2.5:
        above = [1, 1.1, 1.2, 1.3, 1.5, 1.75, 2, 2.5]
    below = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9]
    if high / low > 8:
        below = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    return [tick for tick in below + above if low * 0.999 <= tick <= high * 1.001]
