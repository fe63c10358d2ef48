from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chargepoints', '0018_command_key_per_user'),
    ]

    operations = [
        migrations.AddField(
            model_name='certificaterequest',
            name='fingerprint',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddIndex(
            model_name='certificaterequest',
            index=models.Index(fields=['fingerprint'], name='certificate_fingerprint'),
        ),
    ]
