"""Leaks: does anything of later get into a decision? Each check has to find a planted one."""
