"""Poses of MediaPipe, in an interpreter that has ``mediapipe==0.10.21``: ``PYTHON mediapipe_poses.py JOBS OUT``.

It imports nothing of mmxas, whose NumPy is another one. JOBS is a JSON list of images; OUT receives a list of
``{"image": (33, 2) px, "world": (33, 3) m}``, null for a person who was missed.
"""
import json
import sys

import cv2
import mediapipe

jobs, out = sys.argv[1:]
found = []
with open(jobs, encoding='utf-8') as file, mediapipe.solutions.pose.Pose(
        static_image_mode=True, model_complexity=1, min_detection_confidence=0.1) as network:
    for name in json.load(file):
        image = cv2.imread(name)
        result = network.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        height, width = image.shape[:2]
        found.append(result.pose_landmarks and {
            'image': [(p.x * width, p.y * height) for p in result.pose_landmarks.landmark],
            'world': [(p.x, p.y, p.z) for p in result.pose_world_landmarks.landmark]})
with open(out, 'w', encoding='utf-8') as file:
    json.dump(found, file)
