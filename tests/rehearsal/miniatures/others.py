"""SURREAL, MPII, TikTok, StanfordExtra, and ImageNet weights.

Layouts:

* SURREAL (github.com/gulvarol/surreal, README "Storage info"): ``run0/01_01/01_01_c0001.mp4`` of 320 x 240 px,
  ``_info.mat`` with bg, camDist, camLoc, clipNo, cloth, gender, joints2D, joints3D, light, pose, sequence, shape,
  source, stride and zrot, ``_segm.mat`` with ``segm_1`` and on.
* MPII (human-pose.mpi-inf.mpg.de, "Annotation description"): ``RELEASE`` with annolist, img_train, version,
  single_person, act and video_list, struct arrays; a rectangle may lack keypoints, ``is_visible`` may be empty.
* TikTok (www.yasamin.page/hdnet_tiktok): ``00001/images/0001.png`` with masks and densepose.
* StanfordExtra (github.com/benjiebob/StanfordExtra): ``StanfordExtra_v12.json``, splits such as
  ``train_stanford_StanExt_v12.npy`` of int64 places, photos of the Stanford Dogs Dataset; ``seg`` is COCO's compressed
  run lengths.
* torchvision's ResNet-50, versions 1 and 2: ``hub/checkpoints/resnet50-0676ba61.pth`` and ``-11ad3fa6.pth`` below
  ``$TORCH_HOME``, plain state dicts.

Contents: the free body, drawn; random weights.
"""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision
from pycocotools import mask as coco_masks
from scipy.io import loadmat, savemat

from .people import draw, look_at, random_walk

TOWARDS = np.array([0, 0, 900.0])
MPII_FROM_18 = (3, 2, 1, 4, 5, 6, 0, 17, 8, 10, 16, 15, 14, 11, 12, 13)  # which of the 18 stands at each of the 16
PEOPLE = 6
# Corners of a dog's outline and its 24 keypoints, in parts of the photo.
DOG = np.array([[.2, .3], [.35, .25], [.75, .35], [.9, .25], [.8, .45], [.78, .8], [.7, .8], [.68, .55], [.4, .55],
                [.38, .8], [.3, .8], [.3, .5], [.2, .45]])


def write_surreal(root: Path, smpl: Path) -> Path:
    """Clips of both genders, one of them a single frame, one of a run that the draw leaves out."""
    from test_datasets.test_converters import surreal_files

    from mmxas.registry import BODY_MODELS
    bodies = {gender: BODY_MODELS.build(dict(type='SMPLBodyModel', model_path=str(smpl), gender=gender)).eval()
              for gender in ('female', 'male')}
    before, surreal_files.body_model = surreal_files.body_model, bodies.__getitem__
    try:
        for i, (name, num) in enumerate((('01_01', 6), ('05_02', 4), ('91_11', 1), ('ung_12_01', 2))):
            clip = f'{name}_c0001'
            folder = root / f'run{i % 2}' / name
            surreal_files.write_clip(folder, clip, num=num, gender=i % 2, seed=i)
            info = {key: value for key, value in loadmat(folder / f'{clip}_info.mat').items() if key[0] != '_'}
            names = np.array([['a_background.jpg']], object)
            savemat(folder / f'{clip}_info.mat', {**info, 'bg': names, 'cloth': names, 'light': np.ones((9, 1))})
    finally:
        surreal_files.body_model = before
    return root


def write_mpii(mat: Path, root: Path, val_list: Path) -> Path:
    """The official file, the images and masks of the archive's layout, and a list of the images for validation."""
    size, images, names = (1280, 720), [], []
    for folder in ('images', 'masks', 'annotations'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for i in range(PEOPLE):
        name = f'{15601864 + i:09d}.jpg'
        moved = random_walk(1, 900 + i)
        seen = look_at(np.array([4000.0, 300 * i, 1000]), TOWARDS, 1300.0, size)
        image, mask = draw(seen.pixels(moved.vertices[0]), size, i)
        cv2.imwrite(str(root / 'images' / name), image)
        cv2.imwrite(str((root / 'masks' / name).with_suffix('.png')), mask)
        pixels = seen.pixels(moved.keypoints[0])[list(MPII_FROM_18)] + 1  # counted from 1
        points = _structs([dict(x=x, y=y, id=k, is_visible=[] if k in (8, 9) else k % 2)
                           for k, (x, y) in enumerate(pixels.tolist())])
        head = pixels[9]
        body = dict(x1=head[0] - 40, y1=head[1] - 10, x2=head[0] + 40, y2=head[1] + 90, annopoints=dict(point=points),
                    scale=float(np.ptp(pixels[:, 1]) / 200), objpos=dict(zip('xy', pixels.mean(0), strict=True)))
        beside = dict(x1=5.0, y1=5.0, x2=9.0, y2=9.0)  # somebody without keypoints
        images.append(dict(image=dict(name=name), annorect=_structs([body, beside] if i % 2 else [body]),
                           frame_sec=[], vididx=[]))
        names.append(name)
    images.append(dict(image=dict(name='099999999.jpg'), annorect=[], frame_sec=[], vididx=[]))
    cells = np.empty((PEOPLE + 1, 1), object)
    for i in range(PEOPLE + 1):
        cells[i, 0] = np.ones((int(i < PEOPLE), 1))
    savemat(mat, dict(RELEASE=dict(
        annolist=_structs(images), img_train=np.array([[*[1] * PEOPLE, 0]], np.uint8), version='12',
        single_person=cells, act=[], video_list=[])))
    val_list.write_text('\n'.join(names[1:]) + '\n', encoding='utf-8')
    return mat


def _structs(rows: list[dict]) -> np.ndarray:
    """A struct array (1, n) of MATLAB; a field that a row lacks is empty there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    array = np.empty((1, len(rows)), [(name, object) for name in names])
    for i, row in enumerate(rows):
        array[0, i] = tuple(row.get(name, []) for name in names)
    return array


def write_tiktok(root: Path) -> Path:
    """Two sequences of six frames."""
    size = (604, 1080)
    for sequence in ('00001', '00002'):
        moved = random_walk(6, int(sequence))
        seen = look_at(np.array([3000.0, 0, 1000]), TOWARDS, 1300.0, size)
        for folder in ('images', 'masks', 'densepose'):
            (root / sequence / folder).mkdir(parents=True)
        for i, vertices in enumerate(moved.vertices):
            image, mask = draw(seen.pixels(vertices), size, i)
            masks = np.repeat(mask[..., None], 3, axis=2)
            for folder, picture in (('images', image), ('masks', masks), ('densepose', masks)):
                cv2.imwrite(str(root / sequence / folder / f'{i + 1:04d}.png'), picture)
    return root


def write_stanford_extra(root: Path, num: int = 9) -> Path:
    """Dogs cut out of paper, in three breeds; a third of the entries for each split."""
    entries = []
    for i in range(num):
        width, height = 480 + 10 * i, 360
        name = f'n0209{2339 + i % 3}-Breed_{i % 3}/n0209{2339 + i % 3}_{100 + i}.jpg'
        image, mask, outline = draw_dog(width, height, i)
        (root / 'Images' / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / 'Images' / name), image)
        places = outline[np.arange(24) % len(outline)].astype(float)
        visible = (np.arange(24) % 5 > 0).astype(float)
        joints = np.concatenate([places * visible[:, None], visible[:, None]], axis=1)
        x, y, w, h = cv2.boundingRect(outline)
        entries.append(dict(img_path=name, img_width=width, img_height=height, joints=joints.tolist(),
                            img_bbox=[x, y, w, h], is_multiple_dogs=i == 4,
                            seg=coco_masks.encode(np.asfortranarray(mask))['counts'].decode()))
    (root / 'StanfordExtra_v12.json').write_text(json.dumps(entries), encoding='utf-8')
    for k, split in enumerate(('train', 'val', 'test')):
        np.save(root / f'{split}_stanford_StanExt_v12.npy', np.arange(k, num, 3))
    return root


def draw_dog(width: int, height: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A dog cut out of paper: the photo, its mask of 0 and 1, and the corners of its outline (n, 2) px."""
    mask, image = np.zeros((height, width), np.uint8), np.full((height, width, 3), 150, np.uint8)
    outline = (DOG * [width, height] + np.random.default_rng(seed).normal(0, 3, DOG.shape)).round().astype(np.int32)
    cv2.fillPoly(mask, [outline], 1)
    image[mask > 0] = [40, 80, 120 + 10 * seed]
    return image, mask, outline


def write_horses(root: Path) -> Path:
    """Photos with masks beside, of anybody's."""
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True)
    for i in range(4):
        image, mask, _ = draw_dog(400, 320, i)
        cv2.imwrite(str(root / 'images' / f'{i}.jpg'), image)
        cv2.imwrite(str(root / 'masks' / f'{i}.png'), 255 * mask)
    return root


def write_imagenet_weights(torch_home: Path) -> Path:
    """Random weights under the names that torchvision downloads to."""
    folder = torch_home / 'hub' / 'checkpoints'
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    weights = torchvision.models.resnet50(weights=None).state_dict()
    for name in ('resnet50-0676ba61.pth', 'resnet50-11ad3fa6.pth'):
        torch.save(weights, folder / name)
    return folder
