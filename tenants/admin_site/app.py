"""Django's admin with a site of our own: it belongs to the members of tenants, not to Django's "staff"."""

from csms.contrib_apps import MongoAdminConfig


class OperatorAdminConfig(MongoAdminConfig):
    default_site = "tenants.admin_site.site.OperatorSite"
