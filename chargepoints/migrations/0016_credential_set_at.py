from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chargepoints', '0015_revoked_certificate'),
    ]

    operations = [
        migrations.AddField(
            model_name='chargepoint',
            name='credential_set_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
