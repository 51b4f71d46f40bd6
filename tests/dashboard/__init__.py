"""The Grafana dashboard: the program that makes it, its queries tried on a real Prometheus, the pictures for the docs.

parts.py                       a panel as data, and what Grafana Foundation SDK makes of it
colours.py                     the few colours, and which word has which
overview.py ... resources.py   the rows, from above to below
build.py                       the dashboard: `python -m tests.dashboard.build` writes it into the chart
scene.py, ask.py               a connector that runs, gets into trouble and out of it; every query asked meanwhile
pictures.py, drawing.py        `python -m tests.dashboard.pictures`: the pictures and the table of docs/dashboard.md
engine.py                      `make grafana`
"""
