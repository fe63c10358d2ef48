from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sessions_app', '0005_local_list'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='chargingsession',
            index=models.Index(fields=['transaction_id'], name='session_by_transaction'),
        ),
    ]
