"""The queue lies in a folder: no broker is needed."""

from pathlib import Path

from celery import Celery

from shop import parcels

FOLDER = Path(__file__).parents[1] / "queue"
FOLDER.mkdir(exist_ok=True)

celery = Celery("shop", broker="filesystem://")
celery.conf.broker_transport_options = {
    "data_folder_in": str(FOLDER),
    "data_folder_out": str(FOLDER),
    "control_folder": str(FOLDER),
    "polling_interval": 0.1,
}
celery.conf.worker_hijack_root_logger = False


@celery.task
def pack(thing):
    print(f"packed {thing} with a {parcels.RIBBON} ribbon", flush=True)
