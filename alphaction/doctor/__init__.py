"""The examination of a machine: what works, what is missing for which feature, and what to do about it.

It is for machines on which something is wrong, so only the standard library is imported at the top of its modules.
"""
