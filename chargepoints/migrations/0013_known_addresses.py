from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chargepoints', '0012_certificate_request'),
    ]

    operations = [
        migrations.AddField(
            model_name='chargepoint',
            name='known_addresses',
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
        migrations.AddField(
            model_name='securityevent',
            name='source',
            field=models.CharField(
                choices=[('station', 'Station'), ('server', 'This server')],
                default='station',
                editable=False,
                max_length=10,
            ),
        ),
    ]
