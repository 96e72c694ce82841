# The dog: body, keypoints, coats, poses, and the motions of the built-in target domain. These turn a config of people
# into one of dogs (xas_dog_motion.py, xas_dog_photos.py).
dog_data = 'projects/animal/data'
dog_skeleton = 'projects/animal/data/dog26.json'  # the model's; everything else uses the model's skeleton
dog_coats = dict(type='VariedTexture', file='projects/animal/data/dog_coats.json')
dog_body = dict(
    body_model=[dict(type='SMALBodyModel', keypoints='projects/animal/data/dog_keypoints.json')])
dog_prior = dict(type='TruncatedGaussianPrior', file='projects/animal/data/dog_pose_prior.json')
dog_poses = dict(type='MocapPoses', file='projects/animal/data/dog_motions.npz', num_betas=13)
