from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sessions_app', '0006_transaction_index'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='chargingsession',
            index=models.Index(
                condition=models.Q(('status', 'active')), fields=['charge_point_id'], name='session_charging_station'
            ),
        ),
    ]
