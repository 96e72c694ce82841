# StanfordExtra (docs/animals.md) in $MMXAS_DATA_DIR/stanford_extra, and its usual metric: PCK of legs, tail, ears and
# face, where eyes are not annotated.
limbs = ('front_paw', 'front_wrist', 'front_elbow', 'rear_paw', 'rear_hock', 'rear_knee')
stanford_extra = dict(
    _delete_=True, type='StanfordExtraDataset', data_root='{{$MMXAS_DATA_DIR:data}}/stanford_extra')
stanford_extra_metric = dict(
    _delete_=True,
    type='MaskPCKMetric',
    keypoint_groups=dict(
        legs=[f'{side}_{limb}' for side in ('left', 'right') for limb in limbs],
        tail=['tail_start', 'tail_end'],
        ears=['left_ear_base', 'right_ear_base', 'left_ear_tip', 'right_ear_tip'],
        face=['nose', 'chin']))
# A folder of photos without labels, for configs of other species, which set data_root and masks.
photo_folder = dict(_delete_=True, type='ImageFolderDataset')
photo_folder_metric = dict(_delete_=True, type='MaskIoUMetric')
