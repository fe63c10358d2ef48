from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0005_station_authorities"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="database_ready",
            field=models.BooleanField(default=True, editable=False),
        ),
    ]
