"""A lesson that a teacher pins, seen and opened by somebody else, where there is a login."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from tests.browser.conftest import Server, pages

SECRET = "0123456789abcdef0123456789abcdef"
USER = "_streamlit_user"  # the cookie in which Streamlit keeps who has logged in
TITLE = "**b** <b>x</b> :red[y]"
AUTH = """[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "{secret}"
client_id = "somebody"
client_secret = "something"
server_metadata_url = "http://localhost:9/nobody-is-asked"
"""


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a login, whose provider nobody needs to ask."""
    home = tmp_path_factory.mktemp("school")
    secrets = home / "secrets.toml"
    found = Server(
        home,
        *("--secrets.files", str(secrets)),
        PLAYGROUND_LOGIN="offered",
        PLAYGROUND_TEACHERS="t@x",
        PLAYGROUND_LOOKER_FREE_GIB="1e6",
    )
    secrets.write_text(AUTH.format(url=found.url, secret=SECRET))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def teacher(context: BrowserContext, school: Server) -> Iterator[BrowserContext]:
    """The browser of a teacher who has logged in."""
    browser = context.browser
    assert isinstance(browser, Browser)
    found = browser.new_context()
    claims = {"iss": "x", "sub": "2", "name": "Grace", "email": "t@x", "email_verified": True}
    said = json.dumps({**claims, "origin": school.url, "is_logged_in": True})
    value = create_signed_value(SECRET, USER, said).decode()
    found.add_cookies([{"name": USER, "value": value, "url": school.url}])
    yield found
    found.close()


def test_what_a_teacher_pins_opens_for_everybody(
    context: BrowserContext, teacher: BrowserContext, school: Server
) -> None:
    with pages(teacher, school) as opened:
        page = opened("fitting")
        page.locator(".st-key-open-lesson-3 button").click()
        expect(page.locator(".st-key-lesson-words")).to_be_visible()
        page.get_by_role("button", name="Pin what I see").click()
        page.locator(".st-key-pin-title input").fill(TITLE)
        page.locator(".st-key-pin-title input").press("Enter")
        page.locator(".st-key-pin button").click()
        expect(page.locator(".st-key-pin-said")).to_contain_text("Pinned.")
    with pages(context, school) as opened:
        page = opened(width=360, height=780)
        expect(page.locator(".st-key-pinned")).to_contain_text(TITLE)
        page.get_by_role("button", name="Lesson 1").click()
        expect(page.locator(".st-key-lesson-words")).to_contain_text("Patterns are learned before")
        expect(page).to_have_url(re.compile(r"/fitting\?.*lesson=3"))
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360
