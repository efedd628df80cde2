"""Drivers of GPUs in guests: recipes for cloud-init, by the word `busway:driver` of a flavor or an image.

Entry points: `check` refuses a driver that can't drive what a server asks for, `recipe` has the recipes and the vendor data.
"""
