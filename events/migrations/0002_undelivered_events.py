from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='UndeliveredEvent',
            fields=[
                ('id', models.CharField(db_column='_id', editable=False, max_length=32, primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=50)),
                ('charge_point_id', models.CharField(db_column='station', max_length=48)),
                ('sequence', models.BigIntegerField()),
                ('topic', models.CharField(max_length=500)),
                ('payload', models.BinaryField()),
                ('retain', models.BooleanField()),
                ('reason', models.CharField(max_length=500)),
                ('tries', models.IntegerField()),
                ('stored_at', models.DateTimeField()),
                ('set_aside_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'undelivered event',
                'db_table': 'undelivered_events',
                'ordering': ['-set_aside_at', '-id'],
                'indexes': [models.Index(fields=['-set_aside_at', '-id'], name='undelivered_time'), models.Index(fields=['charge_point_id', '-set_aside_at', '-id'], name='undelivered_station')],
            },
        ),
    ]
