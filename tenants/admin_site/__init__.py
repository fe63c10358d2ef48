"""What the admin pages of all apps stand on: the site, the chosen tenant, rights by role, saving, paging.

Apart from `tenants.admin`, which holds pages: Django makes the site while it imports the pages.
"""
