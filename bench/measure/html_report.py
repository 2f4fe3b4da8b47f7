# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a run as one self-contained HTML file: ratios, plots and figures, for a screen, a telephone and paper.

Each plot is drawn twice, wide and narrow, and the style sheet shows the plot that fits. So the letters are readable on a telephone.
"""
import pathlib

from . import svg_plot
from .figures import age_words, machine_words
from .outline import Outline

WIDE, NARROW = 560, 344
GLYPHS = {"better": ("▲", "better"), "worse": ("▼", "worse"), "same": ("≈", "no difference that the quartiles show")}

STYLE = svg_plot.STYLE + """
:root { color-scheme: light dark; --page: #f6f7f8; --sheet: #ffffff; --text: #1b2127; --soft: #59636e; --rule: #dfe3e8;
  --strong: #fff4ef; --good: #14724f; --bad: #b3203c; }
@media screen and (prefers-color-scheme: dark) {
  :root { --page: #0d1013; --sheet: #15191e; --text: #e8ecf0; --soft: #a0abb6; --rule: #2a3139; --strong: #2a1d17; --good: #5fd0a2;
    --bad: #ff8299; }
  .key { --colour: var(--dark) !important; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--page); color: var(--text); line-height: 1.5; font-size: 16px;
  font-family: """ + svg_plot.FONT + """; }
main, header, footer { max-width: 1192px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 48px; }
.program { margin: 0; font-size: 14px; letter-spacing: .04em; color: var(--soft); }
h1 { margin: 4px 0 8px; font-size: 34px; line-height: 1.2; letter-spacing: -.015em; font-weight: 650; }
h2 { margin: 0 0 4px; font-size: 23px; line-height: 1.3; letter-spacing: -.01em; font-weight: 650; }
h3 { margin: 28px 0 8px; font-size: 16px; font-weight: 600; }
p { margin: 0 0 12px; max-width: 46em; }
.lead { color: var(--soft); }
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: 3px; }
section { margin: 24px 0; padding: 28px 28px 24px; background: var(--sheet); border: 1px solid var(--rule); border-radius: 6px;
  scroll-margin-top: 56px; }
nav { position: sticky; top: 0; z-index: 3; background: var(--page); border-bottom: 1px solid var(--rule); margin-top: 16px; }
nav ol { display: flex; gap: 20px; margin: 0 auto; padding: 11px 24px; list-style: none; overflow-x: auto; white-space: nowrap;
  max-width: 1192px; font-size: 13.5px; scrollbar-width: thin; }
nav a { text-decoration: none; color: var(--soft); }
nav a:hover, nav a:focus { color: var(--text); text-decoration: underline; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 24px; margin: 0 0 16px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .88em; overflow-wrap: anywhere; }
.warning { border-left: 3px solid var(--bad); padding-left: 12px; }
.plots { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 20px; margin: 16px 0 8px; }
figure { margin: 0; }
figure svg { display: block; width: 100%; height: auto; max-width: 620px; }
figure .narrow { display: none; }
.scroll { overflow-x: auto; margin: 4px 0 18px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums lining-nums; font-size: 14px; line-height: 1.35; min-width: 50%; }
.caption { color: var(--soft); font-size: 13px; margin: 16px 0 0; max-width: none; }
th, td { padding: 6px 14px 6px 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--rule); white-space: nowrap; }
thead th { font-weight: 600; font-size: 13px; vertical-align: bottom; border-bottom: 1.5px solid var(--text); }
th:first-child { text-align: left; font-weight: 500; position: sticky; left: 0; background: var(--sheet); z-index: 1; min-width: 8em;
  white-space: normal; max-width: 24em; padding-right: 20px; }
thead th:first-child { font-weight: 600; white-space: nowrap; }
tbody th.group { padding-top: 16px; font-weight: 600; color: var(--text); max-width: none; }
td .value, .strong th { font-weight: 600; }
.ratios td .value { font-size: 15px; }
td.strong, tr.strong td, tr.strong th:first-child { background: var(--strong); }
td.strong { padding-left: 14px; }
thead th.strong { padding-left: 14px; }
small { display: block; font-size: 12px; color: var(--soft); font-weight: 400; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.even { color: var(--soft); }
.glyph { display: inline-block; width: 11px; font-size: 10px; margin-left: 4px; text-align: center; }
.glyph.even { font-size: 13px; }
.key { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 6px; --colour: var(--light); background: var(--colour); }
.legend { color: var(--soft); font-size: 13px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { padding-bottom: 48px; color: var(--soft); font-size: 14px; }
@media (max-width: 900px) { .plots { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 560px) {
  main, header { padding: 0 12px; }
  header { padding-top: 28px; }
  footer { padding: 0 16px 32px; }
  h1 { font-size: 26px; }
  section { padding: 20px 16px 14px; margin: 14px 0; }
  nav ol { padding: 10px 16px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
  .plots { margin: 12px -8px 4px; }
  figure .wide { display: none; }
  figure .narrow { display: block; }
  table { font-size: 13.5px; }
  th, td { padding-right: 10px; }
  td.strong, thead th.strong { padding-left: 10px; }
  th:first-child { min-width: 5em; max-width: 8.5em; font-size: 13px; line-height: 1.3; padding-right: 12px; overflow-wrap: break-word; }
  tbody th.group { max-width: calc(100vw - 60px); }
}
@media print {
  :root { --page: #fff; --sheet: #fff; }
  @page { margin: 14mm; }
  body { font-size: 10.5pt; }
  nav { display: none; }
  main, header, footer { padding: 0; max-width: none; }
  header { padding-top: 0; }
  section { border: 0; padding: 0; margin: 22px 0; }
  .plots { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  figure .wide { display: block; }
  figure .narrow { display: none; }
  figure, tr, thead { break-inside: avoid; }
  h2, h3, .lead, .caption { break-after: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 8.5pt; }
  small { font-size: 7.5pt; }
  th, td { padding: 3px 8px 3px 0; }
  th:first-child { position: static; }
}
"""


def escape(value):
    return svg_plot.escape(value)


class Page:
    """Turns an outline into HTML."""

    def __init__(self, document):
        self.document = document
        self.outline = Outline(document)
        self.switches = self.outline.switches
        self.subject = self.outline.subject_in(document.get("measurements", []))

    def text(self):
        sections = self.outline.sections()
        blocks = self.outline.overview()
        links = [("ratios", "Ratios")] if blocks else []
        links += [("machine", "Machine and method")] + [(section.slug, section.title) for section in sections]
        navigation = "".join(f'<li><a href="#{escape(slug)}">{escape(title)}</a></li>' for slug, title in links)
        # Titles are unique, and so are their slugs. Names of plots in the overview differ from those in sections.
        body = self.overview(blocks) + self.method() + "".join(map(self.section, sections))
        title = self.title()
        return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f'<meta name="generator" content="rbbench">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
                f'{self.header(title)}<nav aria-label="Sections"><ol>{navigation}</ol></nav>\n<main>\n{body}</main>\n'
                f'{self.footer()}</body>\n</html>\n')

    def title(self):
        if self.subject is None:
            return "Measurements of virtual switches"
        others = [name for name in self.switches.names if name not in (self.subject, "none") and not self.is_kin(name)]
        if not others:
            return f"Measurements of {self.switches.title(self.subject)}"
        titles = [self.switches.title(name) for name in others]
        if len(titles) > 3:
            return f"{self.switches.title(self.subject)} beside {len(titles)} others"
        return f"{self.switches.title(self.subject)} beside {', '.join(titles[:-1]) + ' and ' if titles[1:] else ''}{titles[-1]}"

    def is_kin(self, name):
        """True if a name is the first switch with other ports or options."""
        return name.startswith(self.subject + "-") or name.startswith(self.subject + ":")

    def header(self, title):
        words = [str(self.document["began"]).replace("T", " ").replace("Z", " UTC")] if self.document.get("began") else []
        if self.document.get("lasted_s"):
            words.append(f"{age_words(self.document['lasted_s'])} of measuring")
        words.append(machine_words(self.document.get("machine", {})))
        return (f'<header>\n<p class="program">rbbench</p>\n<h1>{escape(title)}</h1>\n'
                f'<p class="lead">{escape("; ".join(words))}</p>\n</header>\n')

    def overview(self, blocks):
        if not blocks:
            return ""
        parts = ['<section id="ratios">\n<h2>Ratios</h2>\n<p class="lead">', escape(self.ratio_words()), "</p>\n", self.marks_words()]
        parts += [self.block(block, "overview", has_plots_first=True) for block in blocks]
        return "".join(parts) + "</section>\n"

    def ratio_words(self):
        words = f"The ratios are {self.switches.title(self.subject)} over each other switch within a round, in which each had a turn. "
        return words + ("The tables show the median of the rounds, and below it the quartiles." if self.has_rounds()
                        else "There was one round, so there is no spread.")

    def marks_words(self):
        marks = [(GLYPHS[kind][0], name, words) for kind, name, words in (
            ("better", "good", "better"), ("worse", "bad", "worse"), ("same", "even", "the quartiles have 1 between them"))]
        said = "; ".join(f'<span class="{name}">{glyph}</span> {escape(words)}' for glyph, name, words in marks)
        return f'<p class="legend">{said}.</p>\n'

    def has_rounds(self):
        return any(len(samples) > 1 for one in self.document.get("measurements", []) for samples in one["samples"].values())

    def method(self):
        machine = self.document.get("machine", {})
        entries = [("Processors", f"{machine.get('cpus', '?')} x {machine.get('model', 'unknown')}")]
        if machine.get("hypervisor"):
            entries.append(("Virtual", "yes" if machine["hypervisor"] is True else machine["hypervisor"]))
        if machine.get("memory_mib"):
            entries.append(("Memory", f"{machine['memory_mib']:,} MiB"))
        entries += [(title, machine[key]) for title, key in (("Kernel", "kernel"), ("Distribution", "distribution")) if machine.get(key)]
        rounds, seconds = self.document.get("rounds"), self.document.get("seconds")
        if rounds:
            entries.append(("Rounds", f"{rounds}{f', trials of {seconds:g} s' if seconds else ''}"))
        if self.document.get("other_work") is not None:
            entries.append(("Other work", f"{self.document['other_work']:.1%} of the processors, between the measurements (median)"))
        if self.document.get("command"):
            entries.append(("Command", None))
        listed = "".join(f"<dt>{escape(title)}</dt><dd>" + (escape(text) if text is not None else
                         f"<code>{escape(self.document['command'])}</code>") + "</dd>" for title, text in entries)
        parts = [f'<section id="machine">\n<h2>Machine and method</h2>\n<dl>{listed}</dl>\n', self.warning(), self.method_words(),
                 self.switch_table()]
        skipped = self.document.get("skipped", [])
        parts.append(self.listed("Left out", [f"{one.get('name')}: {one.get('why')}" for one in skipped]))
        parts.append(self.listed("Notes", self.document.get("notes", [])))
        return "".join(parts) + "</section>\n"

    @staticmethod
    def listed(heading, texts):
        items = "".join(f"<li>{escape(text)}</li>" for text in texts)
        return f"<h3>{heading}</h3>\n<ul>{items}</ul>\n" if items else ""

    def warning(self):
        other_work = self.document.get("other_work")
        if other_work is None or other_work <= 0.1:
            return ""
        return f'<p class="warning">Other work took {other_work:.0%} of the processors: rates are not reliable, ratios are more reliable, ' \
            "and the switch's own processor time is the most reliable figure.</p>\n"

    def method_words(self):
        many = self.has_rounds()
        order = "All switches are ready side by side and are measured in turns, A B A B, so that the machine's other work affects all of " \
            "them alike. Ratios are taken within a round. " + ("The figures are medians, with the quartiles around them."
                                                               if many else "There was one round, so each figure is one sample.")
        cpu = "The load and the switch have a processor each. Beside a rate, the tables show the processor time that the whole machine spent " \
            "on a frame. A bridge in the kernel works on the sender's processor, and a switch in userspace on its own. A switch that " \
            "polls takes all of its processor at any load. If the generator was busy nearly all the time, the generator was the limit."
        sizes = "Frame sizes count the FCS; IMIX is 7 frames of 64 octets to 4 of 594 and 1 of 1518."
        floor = "Grey marks the bounds: a pump that copies frames without decisions, and the run without a switch." \
            if any(look.is_reference for look in self.switches.looks.values()) else ""
        return "".join(f"<p>{escape(words)}</p>\n" for words in (order, cpu, sizes, floor) if words)

    def switch_table(self):
        if not self.switches.names:
            return ""
        rows = ""
        for name in self.switches.names:
            described = self.switches.described[name]
            cells = "".join(f'<td style="text-align:left">{escape(described.get(key) or "–")}</td>'
                            for key in ("version", "ports", "name"))
            rows += (f'<tr{self.strong(name, self.subject)}><th scope="row">{self.key(name)}'
                     f'{escape(self.switches.title(name))}</th>{cells}</tr>')
        heads = "".join(f'<th scope="col" style="text-align:left">{word}</th>' for word in ("switch", "version", "ports", "name"))
        return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\n'

    @staticmethod
    def strong(name, subject):
        return ' class="strong"' if name is not None and name == subject else ""

    def key(self, name):
        light, dark = self.switches.looks[name].colour
        return f'<span class="key" style="--light:{light};--dark:{dark}"></span>'

    def section(self, section):
        lead = f'<p class="lead">{escape(section.lead)}</p>\n' if section.lead else ""
        blocks = "".join(self.block(block, section.slug) for block in section.blocks)
        return f'<section id="{escape(section.slug)}">\n<h2>{escape(section.title)}</h2>\n{lead}{blocks}</section>\n'

    def block(self, block, prefix, has_plots_first=False):
        heading = f"<h3>{escape(block.heading)}</h3>\n" if block.heading else ""
        plots = "".join(self.plot(plot, prefix) for plot in block.plots)
        plots = f'<div class="plots">\n{plots}</div>\n' if plots else ""
        ratios = "".join(map(self.table, block.ratios))
        return heading + (plots + ratios if has_plots_first else ratios + plots) + "".join(map(self.table, block.tables))

    @staticmethod
    def plot(plot, prefix):
        name = f"{prefix}-{plot.slug}"
        return (f'<figure><div class="wide">{plot.draw(name, WIDE, False)}</div>'
                f'<div class="narrow">{plot.draw(name + "-narrow", NARROW, False)}</div></figure>\n')

    def table(self, table):
        heads = f'<th scope="col">{escape(table.corner)}</th>' + "".join(
            f'<th scope="col"{self.strong(column.switch, table.subject)}>'
            f'{self.key(column.switch) if column.switch else ""}{escape(column.title)}</th>'
            for column in table.columns)
        bodies = ""
        for heading, rows in table.groups:
            bodies += "<tbody>"
            if heading:
                bodies += (f'<tr><th class="group" scope="rowgroup" colspan="{len(table.columns) + 1}">'
                           f'{escape(heading)}</th></tr>')
            bodies += "".join(self.row(row, table) for row in rows) + "</tbody>"
        # The caption is outside the table: a caption element would be as wide as the table, too wide for a telephone.
        return (f'<p class="caption">{escape(table.caption)}</p><div class="scroll" tabindex="0" role="group" '
                f'aria-label="{escape(table.caption)}"><table class="{table.kind}"><thead><tr>{heads}</tr></thead>{bodies}</table></div>\n')

    def row(self, row, table):
        name = "" if row.measurement is None else f' id="m{row.measurement}"'
        strong = ' class="strong"' if row.is_strong else ""
        cells = "".join(self.cell(cell, self.strong(column.switch, table.subject)) for cell, column in zip(row.cells, table.columns))
        return f'<tr{name}{strong}><th scope="row">{escape(row.label)}</th>{cells}</tr>'

    @staticmethod
    def cell(cell, strong):
        glyph = ""
        if cell.verdict:
            sign, words = GLYPHS[cell.verdict]
            kind = {"better": "good", "worse": "bad", "same": "even"}[cell.verdict]
            glyph = f'<span class="glyph {kind}" aria-hidden="true">{sign}</span><span class="unseen"> {words}</span>'
        below = "".join(f"<small>{escape(text)}</small>" for text in (cell.spread, *cell.more) if text)
        return f'<td{strong}><span class="value">{escape(cell.text)}</span>{glyph}{below}</td>'

    def footer(self):
        return "<footer><p>Made by rbbench, of ringbridge. A pointer on a mark of a plot shows its figures.</p></footer>\n"


def report(document):
    """Returns the text of the HTML file."""
    return Page(document).text()


def write(document, path):
    pathlib.Path(path).write_text(report(document))
