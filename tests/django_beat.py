"""A Django with nothing but django-celery-beat, in the SQLite file that SHOP_DJANGO names."""

import os

import django
from django.conf import settings

settings.configure(
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SHOP_DJANGO"]}
    },
    INSTALLED_APPS=["django_celery_beat"],
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()
