from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chargepoints', '0017_setup_tries'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='command',
            name='command_idempotency',
        ),
        migrations.AddConstraint(
            model_name='command',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_key__gt', '')), fields=('charge_point_id', 'requested_by', 'idempotency_key'), name='command_idempotency'),
        ),
    ]
