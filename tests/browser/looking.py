"""How tests look at the page where Playwright's own way is closed to them. Nothing about our page."""

from playwright.sync_api import Page


def until(page: Page, expression: str, within_s: float = 10.0) -> None:
    """Wait for a JavaScript expression to hold: `wait_for_function` evaluates it in the page, whose policy forbids that."""
    for _ in range(int(within_s / 0.05)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never held: {expression}")
