from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0004_credentials'),
    ]

    operations = [
        migrations.AddField(
            model_name='tenant',
            name='organization',
            field=models.CharField(blank=True, default='', help_text='What the certificates of stations must name as their organization; empty: whatever they say.', max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tenant',
            name='station_authorities',
            field=models.TextField(blank=True, default='', help_text='In PEM: the authorities that issue certificates for the stations of this tenant (profile 3).', max_length=262144),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tenant',
            name='station_revocation_lists',
            field=models.TextField(blank=True, default='', help_text='In PEM: the certificates that these authorities have revoked.', max_length=262144),
            preserve_default=False,
        ),
    ]
