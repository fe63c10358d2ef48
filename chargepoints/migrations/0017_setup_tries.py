from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chargepoints', '0016_credential_set_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='chargepoint',
            name='setup_tries',
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
    ]
