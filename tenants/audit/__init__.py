"""Who did what, from where, and what it changed: one entry per change and command, in the tenant's own database.

What belongs to no tenant (accounts, tenants, refused log-ins of strangers) is kept in the global one.
"""
