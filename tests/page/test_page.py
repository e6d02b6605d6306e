"""The page in a real browser: it works, it can be read, and nothing in it runs that is not ours."""

import json
import time

import pytest
from daemon import HOSTILE

# Every text on the page against what is behind it, by WCAG 2.2 (AA); what is hidden or disabled does not count.
CONTRAST = """
(() => {
  const parse = (color) => {
    const parts = color.match(/[\\d.]+/g).map(Number);
    return parts.length < 4 ? [...parts, 1] : parts;
  };
  const over = (top, below) => top.slice(0, 3).map((value, n) => value * top[3] + below[n] * (1 - top[3]));
  const linear = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = (color) => 0.2126 * linear(color[0]) + 0.7152 * linear(color[1]) + 0.0722 * linear(color[2]);
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest("title, .hidden")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const [a, b] = [light(over(parse(style.color), ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < least) poor.push(`${ratio.toFixed(2)} ${element.className || element.tagName}: ${node.data.trim().slice(0, 40)}`);
  }
  return [...new Set(poor)];
})()
"""

WIDE = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"


def accounts(daemon, **filters) -> list[dict]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return daemon.json(f"/api/v1/accounts?limit=1000&{query}")["accounts"]


def pages_to_see(daemon) -> dict[str, str]:
    """One page of every kind."""
    pages = {"overview": "/", "filtered": "/?state=drifted&order=oldest", "nothing": "/?q=no-such-account", "problem": "/?page=0"}
    for state in ["drifted", "unknown", "compliant", "exempt", "not_applicable", "skipped"]:
        for account in accounts(daemon, state=state)[:1]:
            pages[state] = f"/accounts/{account['id']}"
    return pages


def clean(tab, daemon):
    """Nothing foreign was asked for, nothing ran, nothing complained."""
    foreign = [url for url in tab.requests() if not url.startswith(daemon.url + "/")]
    assert not foreign, foreign
    assert tab.run("typeof window.hacked") == "undefined"
    # The browser itself reports answers with an error status; such a page is shown on purpose.
    said = [text for text in tab.complaints() if "status of 400" not in text]
    assert not said, said


@pytest.mark.parametrize("size", ["few", "many"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_can_be_read(request, tab, size, scheme, width):
    daemon = request.getfixturevalue(size)
    for name, path in pages_to_see(daemon).items():
        seen = tab(scheme=scheme, width=width)
        seen.open(daemon.url + path)
        seen.run("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        seen.shoot(daemon.folder / f"{name}-{scheme}-{width}.png")
        assert seen.run(CONTRAST) == [], f"{name}: contrast"
        assert seen.run(WIDE) <= 0, f"{name}: wider than {width} pixels"
        clean(seen, daemon)


def test_names_that_attack_do_nothing(many, tab):
    attackers = [account for account in accounts(many) if account["name"] in HOSTILE]
    assert len({account["name"] for account in attackers}) == len(HOSTILE), "every name is there"
    seen = tab()
    for account in attackers[: len(HOSTILE)]:
        seen.open(f"{many.url}/accounts/{account['id']}")
        assert account["id"] in seen.run("document.body.innerText")
        clean(seen, many)
    for name in HOSTILE[:10]:
        seen.open(f"{many.url}/")
        seen.run("document.getElementById('q').focus()")
        seen.type(name)
        seen.until("new URLSearchParams(location.search).get('q') !== null")
        seen.until("!document.querySelector('.hits').innerText.includes(' in all')")
        assert seen.run("document.querySelectorAll('#results tbody tr').length") > 0, name
        seen.run("document.querySelectorAll('#results a').forEach((a) => { a.focus(); a.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})); })")
        clean(seen, many)


def test_the_page_is_quick_with_ten_thousand_accounts(many, tab):
    seen = tab()
    began = time.monotonic()
    seen.open(f"{many.url}/")
    took = time.monotonic() - began
    print(f"10,000 accounts: shown after {took:.2f} s, {seen.run('document.querySelectorAll(`*`).length')} elements")
    assert seen.run("document.querySelectorAll('#results tbody tr').length") == 100
    assert took < 10
    selected = many.json("/api/v1/report")["summary"]["selected"]
    assert f"{selected:,} accounts" in seen.run("document.querySelector('.hits').innerText")


def test_the_list_follows_what_is_typed(many, tab):
    wanted = accounts(many)[500]
    seen = tab()
    seen.open(f"{many.url}/")
    seen.run("document.getElementById('q').focus()")
    seen.type(wanted["id"])
    seen.until("document.querySelectorAll('#results tbody tr').length === 1")
    assert seen.run("document.querySelector('#results tbody a').pathname") == f"/accounts/{wanted['id']}"
    assert seen.run("document.activeElement.id") == "q", "the cursor stays where it was"
    assert seen.run("location.search") == f"?q={wanted['id']}", "the address can be passed on"
    clean(seen, many)


def whole_page(tab, url: str) -> str:
    """What the page holds; nothing while another one is there, or it is just being replaced."""
    root = tab.call("DOM.getDocument", depth=0)["root"]
    if root["documentURL"] != url:
        return ""
    try:
        return tab.call("DOM.getOuterHTML", nodeId=root["nodeId"])["outerHTML"]
    except AssertionError as gone:
        assert "Could not find node" in str(gone)
        return ""


def test_without_a_script_all_is_there(many, tab):
    seen = tab(script=False)
    for path in ["/", "/?state=drifted", f"/accounts/{accounts(many, state='drifted')[0]['id']}"]:
        seen.call("Page.navigate", url=many.url + path)
        deadline = time.monotonic() + 20
        html = ""
        while not ("</footer>" in html and ("findings" in html or "#accounts" in html)):
            assert time.monotonic() < deadline, path
            html = whole_page(seen, many.url + path)
            time.sleep(0.05)
        assert 'class="copy"' not in html, "a button that cannot work is not shown"
    assert not [url for url in seen.requests() if not url.startswith(many.url + "/")]


def test_a_command_is_copied_as_it_is(few, tab):
    account = accounts(few, state="drifted")[0]
    fix = next(finding["fix"][0] for finding in account["findings"] if finding["fix"])
    seen = tab()
    seen.open(f"{few.url}/accounts/{account['id']}")
    written = "window.written = []; navigator.clipboard.writeText = async (text) => { window.written.push(text); }; null"
    seen.run(written)
    seen.run("document.querySelector('.fix .copy').click()")
    seen.until("document.querySelector('.fix .copy').textContent === 'Copied'")
    assert fix in seen.run("window.written")


def test_it_can_be_used_with_the_keyboard(few, tab):
    seen = tab()
    seen.open(f"{few.url}/")
    seen.tab()
    assert seen.run("document.activeElement.className") == "skip", "first of all, the way past the head"
    assert seen.run("document.activeElement.getBoundingClientRect().top >= 0"), "and it is seen"
    reached = set()
    for _ in range(60):
        seen.tab()
        reached.add(seen.run("document.activeElement.id || document.activeElement.className || document.activeElement.tagName"))
        outline = seen.run("document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        assert outline, "where the focus is can be seen"
    assert {"q", "state", "severity", "check", "ou", "order"} <= reached, reached


def test_figures_stay_true_while_the_page_is_open(few, tab):
    seen = tab()
    seen.open(f"{few.url}/")
    seen.run("document.querySelector('h1').textContent = 'old'")
    seen.run("refresh()")
    seen.until("document.querySelector('h1').textContent.includes('accounts')")
    assert seen.run("document.getElementById('lost').hidden")
    seen.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    seen.run("refresh()")
    assert not seen.run("document.getElementById('lost').hidden"), "an old page says that it is old"
    assert "does not answer" in seen.run("document.getElementById('lost').innerText")


def test_what_assistive_technology_is_told(few, tab):
    seen = tab()
    seen.open(f"{few.url}/")
    nodes = seen.call("Accessibility.getFullAXTree")["nodes"]
    told = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and "role" in node
    ]
    roles = {role for role, _ in told}
    assert {"banner", "main", "navigation", "search", "table", "heading", "status"} <= roles, roles
    unnamed = [role for role, name in told if role in ("link", "button", "textbox", "searchbox", "combobox", "img") and not name]
    assert not unnamed, unnamed
    assert [name for role, name in told if role == "table"], json.dumps(told[:50])
