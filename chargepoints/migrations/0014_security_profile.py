from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chargepoints', '0013_known_addresses'),
    ]

    operations = [
        migrations.AddField(
            model_name='chargepoint',
            name='security_profile_next',
            field=models.PositiveSmallIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='chargepoint',
            name='root_certificate_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='chargepoint',
            name='revoked_certificates',
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
    ]
