"""Public Python API: inference, and lifting predictions to the camera frame."""
from .camera_lift import lift_to_camera
from .image_inputs import is_video, list_images
from .model_zoo import find_model, known_models
from .pose_record import InferenceResult, pose_record
from .video import infer_video
from .video_detection import detect_frames
from .xas_inferencer import XASInferencer

__all__ = [
    'InferenceResult', 'XASInferencer', 'detect_frames', 'find_model', 'infer_video', 'is_video', 'known_models',
    'lift_to_camera', 'list_images', 'pose_record',
]
