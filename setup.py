"""The package list: `checks`, `reports` and `baselines` are folders of their own that install below `secaudit`."""

from setuptools import find_packages, setup

MAPPED = ("checks", "reports", "baselines")

setup(
    packages=find_packages(include=["secaudit", "secaudit.*"])
    + [f"secaudit.{package}" for folder in MAPPED for package in find_packages(include=[folder, f"{folder}.*"])],
    package_dir={f"secaudit.{folder}": folder for folder in MAPPED},
)
