"""A third party's family, in a package of its own: the engine must take it like any other."""

from secaudit.api import load_family

FAMILY = load_family(__name__, title="Acme appliances")
