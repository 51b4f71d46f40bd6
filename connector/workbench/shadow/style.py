"""How a shadow report looks in a browser: light and dark, on a phone and on a wide screen, and in print."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b1f24; --soft: #59636e; --line: #d9dee4;
  --old: #a40e26; --old-page: #ffebe9; --new: #116329; --new-page: #dafbe1; --mark: #0b57d0;
  --kind: #e8edf3; --shade: #b4bdc8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1216; --card: #171b21; --text: #e6e9ed; --soft: #9aa4af; --line: #2b323b;
    --old: #ff9c94; --old-page: #3a1a1d; --new: #6fdd8b; --new-page: #12301c; --mark: #8ab4f8;
    --kind: #252c35; --shade: #55606d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .1rem 0 1rem; font-variant-numeric: tabular-nums; }
h1.alike { color: var(--new); }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: .85rem; font-weight: 600; margin: 0 0 .5rem; color: var(--soft); overflow-wrap: anywhere; }
.eyebrow { margin: 0; color: var(--soft); font-size: .85rem; letter-spacing: .02em; }
header dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
header dt { color: var(--soft); }
header dd { margin: 0; overflow-wrap: anywhere; }
/* The shades at both ends move under a cover where there is nothing more to scroll to. */
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; margin-bottom: 1rem;
  background:
    linear-gradient(to right, var(--card) 60%, transparent) left / 3rem 100% no-repeat local,
    linear-gradient(to left, var(--card) 60%, transparent) right / 3rem 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) left / 1rem 100% no-repeat scroll,
    linear-gradient(to left, var(--shade), transparent) right / 1rem 100% no-repeat scroll,
    var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .45rem .8rem; border-top: 1px solid var(--line); vertical-align: top;
  unicode-bidi: isolate; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .82rem; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin-bottom: .6rem; }
summary { display: grid; grid-template-columns: 7.5rem max-content 1fr; gap: .1rem 1rem; align-items: baseline;
  padding: .7rem 1rem; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary:focus-visible, .wide:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
.count { display: flex; justify-content: space-between; align-items: baseline; gap: .5rem;
  font-size: 1.2rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.count::before { content: "\\25b8"; color: var(--soft); font-weight: 400; }
details[open] .count::before { content: "\\25be"; }
.kind { background: var(--kind); border-radius: 1rem; padding: .05rem .7rem; font-size: .85rem; white-space: nowrap; }
.kind.dead_letter, .kind.gone { background: var(--old-page); color: var(--old); }
.kind.new { background: var(--new-page); color: var(--new); }
.topic { color: var(--soft); overflow-wrap: anywhere; }
.sides { grid-column: 2 / -1; font-size: .92rem; overflow-wrap: anywhere; }
.meaning { color: var(--soft); font-size: .88rem; margin: 0; padding: 0 1rem .7rem; }
article { border-top: 1px solid var(--line); padding: .8rem 1rem; }
article p { margin: .2rem 0; padding: 0; font-size: .92rem; overflow-wrap: anywhere; }
.diff { display: grid; grid-template-columns: minmax(12rem, 1fr) 1fr 1fr; gap: .25rem .6rem; margin: 0 0 .3rem;
  font: .85rem/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.diff dt, .diff dd { margin: 0; min-width: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
.operation { color: var(--soft); }
del, ins { text-decoration: none; unicode-bidi: isolate; }
del { color: var(--old); }
ins { color: var(--new); }
del::before { content: "\\2212\\a0"; }
ins::before { content: "+\\a0"; }
.diff del, .diff ins { display: block; border-radius: .25rem; padding: .05rem .4rem; }
.diff del { background: var(--old-page); }
.diff ins { background: var(--new-page); }
@media (max-width: 40rem) {
  main { padding: 1.2rem .75rem 3rem; }
  h1 { font-size: 1.4rem; }
  summary { grid-template-columns: max-content 1fr; gap: .2rem .75rem; padding: .7rem .8rem; }
  .kind { justify-self: start; }
  .topic, .sides { grid-column: 1 / -1; }
  .diff { grid-template-columns: 1fr; margin-bottom: .8rem; }
}
@media print {
  body { background: none; }
  details { break-inside: avoid; }
}
"""
