"""Predict poses by MediaPipe, in an interpreter with ``mediapipe==0.10.21``: ``PYTHON mediapipe_poses.py JOBS OUT``.

It imports nothing of mmxas, whose NumPy is another one. JOBS is a JSON list of images and their boxes, which are
cropped with a quarter of their larger side around. OUT receives a list of ``{"image": (33, 2) px, "world": (33, 3)
m}``, null for a person who was missed. The model is the one that the wheel holds (complexity 1).
"""
import json
import sys

import cv2
import mediapipe

jobs, out = sys.argv[1:]
found = []
with open(jobs, encoding='utf-8') as file, mediapipe.solutions.pose.Pose(
        static_image_mode=True, model_complexity=1, min_detection_confidence=0.1) as network:
    for name, (x0, y0, x1, y1) in json.load(file):
        around = 0.25 * max(x1 - x0, y1 - y0)
        left, top = max(0, int(x0 - around)), max(0, int(y0 - around))
        crop = cv2.imread(name)[top:int(y1 + around), left:int(x1 + around)]
        result = network.process(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB))
        height, width = crop.shape[:2]
        found.append(result.pose_landmarks and {
            'image': [(left + p.x * width, top + p.y * height) for p in result.pose_landmarks.landmark],
            'world': [(p.x, p.y, p.z) for p in result.pose_world_landmarks.landmark]})
with open(out, 'w', encoding='utf-8') as file:
    json.dump(found, file)
