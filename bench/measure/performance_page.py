# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the measured part of docs/performance.md from a run: tables, and the main plots as SVG files in a directory beside the page.

The two lines `<!-- measured: begin ... -->` and `<!-- measured: end -->` mark this part in the page. The text outside is
written by hand and stays; the text between the lines is replaced. The same results always make the same page.
"""
import html
import os
import pathlib
import re
import sys
import textwrap
import unicodedata

from .figures import age_words, machine_words
from .outline import Outline

BEGIN = re.compile(r"^<!-- measured: begin\b[^\n]*-->[ \t]*$", re.MULTILINE)
END = re.compile(r"^<!-- measured: end -->[ \t]*$", re.MULTILINE)
MADE_BY = "<!-- made by rbbench -->\n"  # marks a plot's file that rbbench may delete when the page no longer has the plot
PLOT_WIDTH = 680
TEXT_WIDTH = 120
SIGNS = {"better": "", "worse": " (worse)", "same": ""}


def one_line(text):
    return " ".join("".join(letter if unicodedata.category(letter)[0] != "C" else " " for letter in str(text)).split())


def markdown(text):
    """Escapes a text of the document for Markdown, also within a table."""
    text = one_line(text).replace("µ", "u")
    text = html.escape(text, quote=False)
    return re.sub(r"([\\`*_\[\]|~#$])", r"\\\1", text)


def paragraph(text):
    """Returns the lines of a paragraph that is Markdown already."""
    return [*textwrap.wrap(text, TEXT_WIDTH, break_long_words=False, break_on_hyphens=False), ""]


def code(text):
    """Returns a command as indented code of Markdown."""
    return "    " + one_line(text)


def cell(one, is_ratio):
    spread = f" [{markdown(one.spread)}]" if one.spread else ""
    text = markdown(one.text)
    text = f"**{text}**" if is_ratio and one.text != "–" else text
    more = "; ".join(map(markdown, one.more)) if not is_ratio else ""
    return text + spread + (f"; {more}" if more else "") + SIGNS.get(one.verdict, "")


def table(one):
    """Returns the lines of a table. The heading of a group becomes a row in bold."""
    lines = paragraph(f"{markdown(one.caption)}:")
    lines.append("| " + " | ".join([markdown(one.corner), *(markdown(column.title) for column in one.columns)]) + " |")
    lines.append("| --- |" + " --- |" * len(one.columns))
    for heading, rows in one.groups:
        if heading:
            lines.append(f"| **{markdown(heading)}** |" + " |" * len(one.columns))
        for row in rows:
            lines.append("| " + " | ".join([markdown(row.label), *(cell(each, one.kind == "ratios") for each in row.cells)]) + " |")
    return lines + [""]


def block(one, heading_level, directory, plots):
    lines = [f"{'#' * heading_level} {markdown(one.heading)}", ""] if one.heading else []
    for each in one.ratios:
        lines += table(each)
    for plot in one.plots:
        if not plot.is_main:
            continue
        name = f"{plot.slug}.svg"
        plots[name] = MADE_BY + plot.draw(plot.slug, PLOT_WIDTH, True)
        lines += [f"![{markdown(plot.title)}]({directory}/{name})", ""]
    for each in one.tables:
        lines += table(each)
    return lines


def generated(document, directory="performance"):
    """Returns (Markdown, {file name: SVG}) of a run. Links lead into `directory`, relative to the page."""
    outline = Outline(document)
    sections = outline.sections()
    plots = {}
    command = document.get("command")
    lines = ["## What was measured", ""]
    if command:
        lines += ["This command made the figures below:", "", code(command), ""]
    words = [f"on {markdown(machine_words(document.get('machine', {})))}"]
    if document.get("began"):
        words.append(f"on {markdown(str(document['began'])[:10])}")
    if document.get("lasted_s"):
        words.append(f"for {age_words(document['lasted_s'])}")
    rounds = document.get("rounds") or 1
    said = f"The run was {', '.join(words)}. "
    said += f"The switches were measured in turns in {rounds} rounds, and ratios are taken within a round. The figures are medians " \
        "[quartiles]." if rounds > 1 else "There was one round, so there is no spread."
    if document.get("other_work") is not None:
        said += f" Other work took {document['other_work']:.0%} of the processors between the measurements."
    lines += paragraph(said)
    switches = [f"{markdown(outline.switches.title(name))}"
                + (f" ({markdown(', '.join(str(described[key]) for key in ('version', 'ports') if described.get(key)))})"
                   if described.get("version") or described.get("ports") else "")
                for name, described in outline.switches.described.items()]
    if switches:
        lines += paragraph(f"Switches: {'; '.join(switches)}.")
    for one in document.get("skipped", []):
        lines += paragraph(f"Left out: {markdown(one.get('name'))}, {markdown(one.get('why'))}.")
    for note in document.get("notes", []):
        lines += paragraph(f"Note: {markdown(note)}")
    for one in outline.overview():
        lines += block(one, 3, directory, plots)
    for section in sections:
        lines += [f"### {markdown(section.title)}", "", *(paragraph(markdown(section.lead)) if section.lead else [])]
        for one in section.blocks:
            lines += block(one, 4, directory, plots)
    return "\n".join(lines).rstrip() + "\n", plots


def parts_by_hand(page):
    """Returns the text before and after the measured part, marks included. Ends the program if the page has no such part."""
    try:
        text = pathlib.Path(page).read_text()
    except (OSError, ValueError) as error:
        sys.exit(f"{page}: {error}")
    begin, end = list(BEGIN.finditer(text)), list(END.finditer(text))
    if len(begin) != 1 or len(end) != 1 or begin[0].end() > end[0].start():
        sys.exit(f"{page} needs one line '<!-- measured: begin -->' and, after it, one line '<!-- measured: end -->'")
    return text[:begin[0].end()], text[end[0].start():]


def write(document, page):
    """Replaces the measured part of a page, and the plots in the directory with the page's name."""
    page = pathlib.Path(page)
    before, after = parts_by_hand(page)
    directory = page.with_suffix("")
    new, plots = generated(document, directory.name)
    directory.mkdir(exist_ok=True)
    for name, plot in plots.items():
        replace(directory / name, plot)
    for path in directory.glob("*.svg"):
        if path.name not in plots and path.read_text(errors="replace").startswith(MADE_BY):
            path.unlink()
    replace(page, f"{before}\n\n{new}\n{after}")


def replace(path, text):
    """Replaces a file completely or not at all, even if the program is stopped meanwhile."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.replace(new, path)
