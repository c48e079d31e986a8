"""
Pages that the browser of a mail's reader lands on.
"""
