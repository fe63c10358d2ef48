from django.db import migrations


def index_the_order(apps, schema_editor):
    """Django has no field for MongoDB's own timestamps, by which rows are sent: see `events.outbox.outbox_row`."""
    outbox = schema_editor.connection.get_collection("outbox")
    outbox.create_index([("order", 1), ("_id", 1)], name="outbox_order")


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0002_undelivered_events'),
    ]

    operations = [
        migrations.RunPython(index_the_order, migrations.RunPython.noop),
    ]
