from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chargepoints', '0014_security_profile'),
    ]

    operations = [
        migrations.AlterField(
            model_name='certificaterequest',
            name='status',
            field=models.CharField(choices=[('signed', 'Signed, on its way'), ('installed', 'Installed'), ('refused', 'Refused here'), ('not_taken', 'Not taken by the station'), ('unanswered', 'No answer from the station'), ('revoked', 'Revoked')], max_length=20),
        ),
    ]
