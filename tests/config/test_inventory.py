"""Inventories: what they mean, and every way to get one wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from secaudit.config.inventory import load_inventory
from secaudit.config.inventory_file import parse_address
from secaudit.model.inventory import Host, SecretKind, SecretSource, SshSettings, TransportKind
from tests.config.conftest import Write, messages

SAMPLE = """\
customer: {id: muster, name: Muster GmbH, language: de}
sites:
  vienna:
    defaults: {ssh: {user: audit, jump: bastion.muster.example}, baselines: [linux-server], tags: [prod]}
    hosts:
      web1: {address: 10.20.0.11, tags: [web], baselines: [web-server, linux-server]}
      db1:  {address: "2001:db8::12", tags: [db], baselines: [./baselines/muster-db.yaml], ssh: {user: dba, jump: []}}
  graz:
    hosts:
      here: {transport: local}
"""


def test_the_sample_of_the_documentation(write: Write) -> None:
    path = write("inventory/muster.yaml", SAMPLE)
    own = write("inventory/baselines/muster-db.yaml", "").resolve()
    inventory = load_inventory(path, baselines=["linux-server", "web-server"])
    (customer,) = inventory.customers
    assert (customer.id, customer.name, customer.language) == ("muster", "Muster GmbH", "de")
    assert [site.id for site in customer.sites] == ["vienna", "graz"]
    web1, db1, here = inventory.hosts
    assert web1 == Host(
        customer="muster",
        site="vienna",
        name="web1",
        address="10.20.0.11",
        tags=frozenset({"prod", "web"}),
        baselines=("linux-server", "web-server"),
        ssh=SshSettings(user="audit", jump=("bastion.muster.example",)),
    )
    assert db1.baselines == ("linux-server", str(own))
    assert db1.ssh == SshSettings(user="dba")
    assert here == Host("muster", "graz", "here", "localhost", TransportKind.LOCAL)


def test_every_ssh_setting(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    path = write(
        "inv/a.yaml",
        """
        customer: {id: a, name: A}
        sites:
          s:
            defaults:
              ssh:
                port: 2222
                identity_files: [keys/old]
                known_hosts: known
                password: {command: [pass, show, "audit host"]}
                agent: false
            hosts:
              one:
                address: one.example
                ssh:
                  jump: [a.example, "b@[2001:db8::1]:22", c.example:2200]
                  identity: ~/.ssh/audit
                  sudo_password: {file: sudo.txt}
                  config: false
              two:
                address: two.example
                ssh: {identity_files: [k1, /k2], password: {env: AUDIT_PW}, sudo_password: {keyring: team/audit/anna}}
        """,
    )
    one, two = load_inventory(path).hosts
    folder = Path("inv").resolve()
    assert one.ssh == SshSettings(
        user=None,
        port=2222,
        jump=("a.example", "b@[2001:db8::1]:22", "c.example:2200"),
        identity_files=("/home/anna/.ssh/audit",),
        known_hosts=str(folder / "known"),
        use_agent=False,
        use_config=False,
        password=SecretSource(SecretKind.COMMAND, ("pass", "show", "audit host")),
        sudo_password=SecretSource(SecretKind.FILE, str(folder / "sudo.txt")),
    )
    assert two.ssh.identity_files == (str(folder / "k1"), "/k2")
    assert two.ssh.password == SecretSource(SecretKind.ENV, "AUDIT_PW")
    assert two.ssh.sudo_password == SecretSource(SecretKind.KEYRING, "team/audit/anna")


def host_file(host: str) -> str:
    return f"customer: {{id: a, name: A}}\nsites:\n  s:\n    hosts:\n      h: {host}\n"


LITERAL = (
    "a password never stands in this file; say where it comes from: {env: NAME}, {file: PATH}, "
    "{command: [program, argument]} or {keyring: service/user}"
)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("{}", "5:7: the key 'address' is missing"),
        ("web1.example", "5:10: h: expected a map of keys and values, found the text 'web1.example'"),
        ("{adress: a}", "5:11: unknown key 'adress' (did you mean 'address'?)"),
        ("{address: }", "5:11: 'address' has no value (give one, or leave the key out)"),
        ("{address: 10.20}", "5:20: address: expected text, found the number 10.2 (put it in quotes)"),
        ("{address: -oProxyCommand=x}", "5:20: '-oProxyCommand=x' is not a host name or an IP address"),
        ("{address: 10.0.0.300}", "5:20: '10.0.0.300' is not a host name or an IP address"),
        ("{address: 10.0.0.0/24}", "5:20: '10.0.0.0/24' is not a host name or an IP address"),
        ("{address: a b}", "5:20: 'a b' is not a host name or an IP address"),
        ("{address: a, tags: web}", "5:29: tags: expected a list, found the text 'web' (write [web])"),
        (
            "{address: a, tags: [Web]}",
            "5:30: 'Web' is not an id: lower-case letters, digits, '.', '_' and '-', not '.', '_' or '-' first",
        ),
        ("{address: a, transport: telnet}", "5:34: transport: expected 'ssh' or 'local', found the text 'telnet'"),
        (
            "{address: a, ssh: {port: 70000}}",
            "5:35: port: should be less than or equal to 65535, found the number 70000",
        ),
        (
            "{address: a, ssh: {port: '22'}}",
            "5:35: port: expected a whole number, found the text '22' (leave the quotes out)",
        ),
        ("{address: a, ssh: {agent: yes}}", "5:36: agent: expected true or false, found the text 'yes'"),
        ("{address: a, ssh: {user: -x}}", "5:35: '-x' is not a user name"),
        (
            "{address: a, ssh: {jump: a:b:c}}",
            "5:35: 'a:b:c' is not a jump host; write host, user@host or user@host:port",
        ),
        ("{address: a, ssh: {jump: 'a:99999'}}", "5:35: 'a:99999' has no port between 1 and 65535"),
        (
            "{address: a, ssh: {identity: k, identity_files: [k]}}",
            "5:23: identity and identity_files mean the same; keep one of them",
        ),
        ("{address: a, ssh: {password: hunter2}}", f"5:39: {LITERAL}"),
        ("{address: a, ssh: {password: 4711}}", f"5:39: {LITERAL}"),
        ("{address: a, ssh: {sudo_password: }}", f"5:44: {LITERAL}"),
        (
            "{address: a, ssh: {password: {env: A, file: B}}}",
            "5:29: exactly one of env, file, command and keyring is needed",
        ),
        ("{address: a, ssh: {password: {}}}", "5:29: exactly one of env, file, command and keyring is needed"),
        ("{address: a, ssh: {password: {env: }}}", "5:40: 'env' has no value (give one, or leave the key out)"),
        (
            "{address: a, ssh: {password: {env: hunter-2}}}",
            "5:45: env takes the name of an environment variable: letters, digits and '_'",
        ),
        (
            "{address: a, ssh: {password: {command: pass}}}",
            "5:49: command: expected a list, found the text 'pass' (write [pass])",
        ),
        ("{address: a, ssh: {password: {keyring: x}}}", "5:49: keyring takes service/user"),
        ("{address: a, baselines: [web-sever]}", "5:35: there is no baseline 'web-sever' (did you mean 'web-server'?)"),
        ('{address: a, baselines: "a\\0.yaml"}', "5:34: a text cannot hold a NUL character"),
        ("{address: a, ssh: {password: {command: []}}}", "5:49: command: must not be empty"),
        ("{address: a, baselines: web-sever}", "5:34: there is no baseline 'web-sever' (did you mean 'web-server'?)"),
    ],
)
def test_bad_hosts(write: Write, host: str, message: str) -> None:
    path = write("a.yaml", host_file(host))
    assert messages(lambda: load_inventory(path, ["web-server"])) == [f"a.yaml:{message}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("customer: {id: a, name: A}\n", ["1:1: the key 'sites' is missing"]),
        ("customer: {id: a, name: A}\nsites:\n", ["2:7: sites: expected a map of keys and values, found nothing"]),
        (
            "customer: {id: A, name: ''}\nsites: []\n",
            [
                "1:16: 'A' is not an id: lower-case letters, digits, '.', '_' and '-', not '.', '_' or '-' first",
                "1:25: name: must not be empty",
                "2:8: sites: expected a map of keys and values, found a list",
            ],
        ),
        (
            "customer: {id: a, name: A, language: fr}\nsites: {}\n",
            ["1:38: language: expected 'de' or 'en', found the text 'fr'"],
        ),
        (
            "customer: {id: a, name: A}\nsites: {S: {hosts: {}}}\n",
            ["2:9: 'S' is not an id: lower-case letters, digits, '.', '_' and '-', not '.', '_' or '-' first"],
        ),
        (
            "customer: {id: no, name: NO}\nsites: {s: {hosts: {h: {address: a}, h: {address: b}}}}\n",
            ["2:38: duplicate key 'h' (first at a.yaml:2:21)"],
        ),
        (
            "customer: {id: a, name: A}\nsites:\n  s: {hosts: {h: {address: a}}}\n  t: {hosts: {h: {address: b}}}\n",
            ["4:15: host 'h' is there already (first at a.yaml:3; a host's name is unique for its customer)"],
        ),
    ],
)
def test_bad_files(write: Write, text: str, expected: list[str]) -> None:
    path = write("a.yaml", text)
    assert messages(lambda: load_inventory(path)) == [f"a.yaml:{line}" for line in expected]


def test_a_missing_baseline_file_is_named_with_the_place_that_was_looked_at(write: Write) -> None:
    path = write("a.yaml", host_file("{address: a, baselines: [./b.yaml]}"))
    looked = Path("b.yaml").resolve()
    assert messages(lambda: load_inventory(path)) == [
        f"a.yaml:5:35: there is no baseline file './b.yaml' (looked for {looked})"
    ]


def test_a_directory_is_many_customers_and_all_problems_are_told(write: Write) -> None:
    write("inv/b.yaml", "customer: {id: b, name: B}\nsites: {}\n")
    write("inv/a.yml", "customer: {id: a, name: A}\nsites: {}\n")
    write("inv/.hidden.yaml", "{")
    write("inv/notes.txt", "{")
    assert [customer.id for customer in load_inventory(Path("inv")).customers] == ["a", "b"]
    write("inv/c.yaml", "{")
    write("inv/d.yaml", "customer:\n  id: a\n  name: A\nsites: {}\n")
    Path("inv/e.yaml").mkdir()
    broken, twin, folder = messages(lambda: load_inventory(Path("inv")))
    assert broken.startswith("inv/c.yaml:2:1: not valid YAML: ")
    assert twin == "inv/d.yaml:2:7: customer 'a' is there already (first at inv/a.yml:1)"
    assert folder == "inv/e.yaml: this is a directory, a file is needed"


def test_nothing_to_read(write: Write) -> None:
    write("empty/notes.txt", "")
    assert messages(lambda: load_inventory(Path("empty"))) == ["empty: there is no *.yaml file in this directory"]
    assert messages(lambda: load_inventory(Path("none.yaml"))) == ["none.yaml: there is no such file"]
    assert messages(lambda: load_inventory(Path("x" * 300))) == [f"{'x' * 300}: cannot be read: File name too long"]


@pytest.mark.parametrize(
    "address", ["a", "web_1.example.", "10.0.0.1", "::1", "fe80::1%eth0", "3com", "xn--mnchen-3ya.de"]
)
def test_addresses(address: str) -> None:
    assert parse_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *("", " ", "-a", "a-", "a..b", ".", "10.0.0.1-5", "1-5", "10.0.0.*", "127.1", "fe80::1%", "fe80::1%a b"),
        *("a;b", "a\n", "münchen.de", "x" * 64, "a." * 127 + "a"),
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"is not a host name|no usable zone"):
        parse_address(address)
