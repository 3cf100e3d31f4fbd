"""What other frameworks call things (MMAction2, detectron2, ultralytics, Lightning, SlowFast) -> what they are here.

The only table of this kind; :mod:`alphaction.utils.near_names` looks into it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NearName:
    """A thing that has other names elsewhere.

    Attributes:
        names: the other names, in lower case with underscores; with a dot where the section decides.
        key: the config key that it is here; "" if it is none.
        flags: flags that set it, in the tools that have one of them; the first one counts, and a text in brackets after
            it is shown with it. CONFIG is the argument of tools/finetune_quickstart.sh.
        note: a sentence on it; "" if the name says enough.
    """

    names: tuple[str, ...]
    key: str = ""
    flags: tuple[str, ...] = ()
    note: str = ""


_EPOCHS = "The length of a run is in iterations; --epochs of tools/generate_finetune_config.py turns epochs into them."
_RESUME = "--resume of train_net.py and tools/finetune_quickstart.sh continues the run in OUTPUT_DIR."
_GPUS = (
    "The number of GPUs is given when a run is started: --num-gpus of tools/finetune_quickstart.sh, --nproc_per_node "
    "of torchrun."
)
_VIDEO = "--video of tools/predict_video.py names a video, --videos of tools/prepare_dataset.py a folder of them."
_CONFIG = (
    "The YAML file of an experiment is --config-file of train_net.py and test_net.py, the first word of "
    "tools/finetune_quickstart.sh, and --output of tools/generate_finetune_config.py."
)
_KEYS = (
    "Config keys and their values stand at the end of a command, without a flag: SOLVER.MAX_ITER 100; after -- in "
    "tools/finetune_quickstart.sh."
)
_MACHINES = "tools/finetune_quickstart.sh runs on several machines: --nnodes N --node-rank R --master-addr A on each."
_PROCESSES = "tools/finetune_quickstart.sh starts a process for each GPU; without it, torchrun does."
_TEST = "test_net.py evaluates weights; train_net.py always trains."
_NO_VAL = (
    "--skip-val of tools/finetune_quickstart.sh, or --skip-val-in-train and --skip-final-test of train_net.py, leave "
    "the evaluation out."
)
_SHARE = "--val-fraction of tools/prepare_dataset.py is the share of the validation."
_BOXES = (
    "Boxes of persons belong to a dataset: --person-boxes of tools/prepare_dataset.py, or tools/detect_persons.py. For "
    "a single video, --detections of tools/predict_video.py."
)
_CLASSES = "The classes are those of the label map of a dataset: --label-map of tools/prepare_dataset.py."
_PICTURES = "tools/draw_predictions.py draws predictions on keyframes, tools/predict_video.py on a video."
_TENSORBOARD = "tools/finetune_quickstart.sh writes TensorBoard files, train_net.py with --use-tfboard."
_SHORT_RUN = "--plan of train_net.py and --dry-run of tools/finetune_quickstart.sh check a run without starting it."
_SEED = "--seed of train_net.py and tools/finetune_quickstart.sh sets it."


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NEAR_NAMES = (
    NearName(
        _words(
            "test.batch_size val.batch_size test_dataloader.batch_size val_dataloader.batch_size test_batch_size "
            "val_batch_size eval_batch_size per_device_eval_batch_size"
        ),
        "TEST.VIDEOS_PER_BATCH",
        note="It counts the clips of a batch over all GPUs.",
    ),
    NearName(
        _words(
            "batch_size batch batchsize bs ims_per_batch imgs_per_batch images_per_batch clips_per_batch "
            "samples_per_batch train_batch_size total_batch_size videos_per_gpu samples_per_gpu clips_per_gpu "
            "ims_per_gpu batch_size_per_gpu per_device_train_batch_size b"
        ),
        "SOLVER.VIDEOS_PER_BATCH",
        ("--batch-size",),
        "It counts the clips of a step over all GPUs.",
    ),
    NearName(
        _words("epochs num_epochs max_epochs max_epoch epoch total_epochs n_epochs nb_epochs num_train_epochs e"),
        "SOLVER.MAX_ITER",
        ("--epochs",),
        _EPOCHS,
    ),
    NearName(
        _words(
            "max_iters max_iterations max_steps total_steps num_steps total_iters num_iters iterations iters "
            "max_iteration train_iters"
        ),
        "SOLVER.MAX_ITER",
        ("--max-iter",),
    ),
    NearName(
        _words("lr lr0 learning_rate learningrate init_lr initial_lr base_learning_rate"), "SOLVER.BASE_LR", ("--lr",)
    ),
    NearName(_words("milestones lr_step lr_steps lr_milestones step_epochs decay_epochs"), "SOLVER.STEPS"),
    NearName(_words("lr_gamma lr_decay decay_rate"), "SOLVER.GAMMA"),
    NearName(
        _words(
            "lr_scheduler lr_scheduler_name lr_scheduler_type lr_config lr_policy lr_schedule param_scheduler "
            "cos_lr cosine scheduler_type scheduler_name param_scheduler.type"
        ),
        "SOLVER.SCHEDULER",
    ),
    NearName(
        _words(
            "optim optimizer optimizer.type optimizer.name optimizer_type optimizer_name optim_wrapper "
            "optimizing_method optimizer_config optimizer.class_path"
        ),
        "SOLVER.OPTIMIZER",
    ),
    NearName(
        _words("warmup warmup_epochs warmup_steps warmup_iterations warmup_period"),
        "SOLVER.WARMUP_ITERS",
        note="It counts iterations.",
    ),
    NearName(
        _words("warmup_start_lr warmup_ratio start_factor"),
        "SOLVER.WARMUP_FACTOR",
        note="It is the share of BASE_LR that the warm-up starts at.",
    ),
    NearName(_words("wd weightdecay l2 optimizer.weight_decay"), "SOLVER.WEIGHT_DECAY"),
    NearName(
        _words(
            "gradient_clip_val clip_grad clip_gradients clip_grad_l2norm grad_clip gradient_clipping "
            "max_grad_norm max_norm clip_gradients.enabled clip_gradients.clip_value clip_gradients.clip_type "
            "clip_grad.max_norm"
        ),
        "SOLVER.CLIP_GRAD_NORM",
    ),
    NearName(
        _words(
            "accumulate_grad_batches accumulate gradient_accumulation_steps accumulative_counts grad_accum "
            "grad_accum_steps iter_size nbs"
        ),
        "SOLVER.ACCUMULATION_STEPS",
        note="SOLVER.VIDEOS_PER_BATCH stays the clips of a whole step, which are loaded in that many parts.",
    ),
    NearName(
        _words(
            "precision fp16 bf16 half mixed_precision use_amp enable_amp amp_enabled amp amp.enabled amp.enable "
            "optim_wrapper.type autocast"
        ),
        "SOLVER.AMP",
        note="It is off, bf16 or fp16.",
    ),
    NearName(
        _words(
            "val_interval val_period val_freq eval_interval eval_freq eval_steps evaluation evaluation_interval "
            "val_check_interval check_val_every_n_epoch validation_period val_every eval_every"
        ),
        "SOLVER.EVAL_PERIOD",
        note="It counts iterations.",
    ),
    NearName(
        _words(
            "save_period save_interval save_freq save_every save_steps checkpoint_interval checkpoint_config "
            "checkpoint_freq every_n_epochs every_n_train_steps checkpoint.interval"
        ),
        "SOLVER.CHECKPOINT_PERIOD",
        note="It counts iterations.",
    ),
    NearName(
        _words(
            "log_every_n_steps log_interval log_freq logging_steps print_freq print_interval writer_period "
            "logger.interval"
        ),
        "SOLVER.LOG_PERIOD",
    ),
    NearName(
        _words(
            "workers num_workers n_workers workers_per_gpu dataloader_num_workers num_proc nproc_data j jobs n_jobs"
        ),
        "DATALOADER.NUM_WORKERS",
        ("--processes",),
        note="It counts the loader processes of each GPU.",
    ),
    NearName(
        _words(
            "imgsz img_size image_size input_size img_scale short_side min_size crop_size train_crop_size img "
            "resize resolution train_jitter_scales test_crop_size short_edge short_side_size"
        ),
        "INPUT.MIN_SIZE_TRAIN",
        ("--short-side",),
        note="It is the shorter side in pixels; MAX_SIZE_TRAIN is the longer one, and ..._TEST are those of the test.",
    ),
    NearName(
        _words("clip_len clip_length clip_frames num_frames frames_per_clip num_clip_frames window_size"),
        "INPUT.FRAME_NUM",
    ),
    NearName(
        _words("frame_interval frame_stride temporal_stride sampling_rate sample_rate vid_stride"),
        "INPUT.FRAME_SAMPLE_RATE",
    ),
    NearName(_words("target_fps frame_rate fps video_fps output_fps"), "INPUT.FPS", ("--frame-rate",)),
    NearName(
        _words("scale_jitter random_resized_crop random_crop random_scale random_zoom crop_scale"), "INPUT.ZOOM_JITTER"
    ),
    NearName(_words("grayscale random_grayscale gray_scale to_gray"), "INPUT.GRAY_PROB"),
    NearName(_words("fliplr flip_ratio hflip random_flip horizontal_flip"), "INPUT.FLIP_PROB"),
    NearName(
        _words("device accelerator cuda use_cuda use_gpu gpu no_cuda cpu cpu_only"),
        "MODEL.DEVICE",
        ("--device", "--cpu", "--num-gpus (0: the CPU)"),
        "It is auto, cuda or cpu.",
    ),
    NearName(
        _words("devices gpus gpu_ids gpu_id num_gpus n_gpus ngpus nproc nproc_per_node n_gpu gpu_num"),
        "",
        ("--num-gpus",),
        _GPUS,
    ),
    NearName(
        _words("num_machines num_nodes num_shards nodes n_nodes world_size"),
        "",
        ("--nnodes",),
        _MACHINES,
    ),
    NearName(_words("machine_rank shard_id rank node_id"), "", ("--node-rank",), _MACHINES),
    NearName(_words("dist_url init_method master_address rdzv_endpoint"), "", ("--master-addr",), _MACHINES),
    NearName(
        _words("launcher strategy distributed multiprocessing_distributed dist_backend ddp data_parallel"),
        note=_PROCESSES,
    ),
    NearName(
        _words(
            "weights load_from pretrained pretrained_weights checkpoint checkpoint_path checkpoint_file_path ckpt "
            "ckpt_path init_checkpoint model_weights weight_path weights_path finetune_from model_path pth load"
        ),
        "MODEL.WEIGHT",
        ("--weights",),
    ),
    NearName(
        _words("resume resume_from resume_from_checkpoint auto_resume continue continue_training"),
        "",
        ("--resume",),
        _RESUME,
    ),
    NearName(
        _words(
            "work_dir workdir save_dir out_dir output output_folder project default_root_dir log_dir logging_dir "
            "exp_dir run_dir out out_file out_filename output_file output_path o save_path dst results_dir "
            "save_root"
        ),
        "OUTPUT_DIR",
        ("--output-dir", "--output"),
    ),
    NearName(
        _words(
            "train_dataset train_datasets train_data trainset train_dataloader ann_file_train dataset "
            "dataset_name dataset_type data data_yaml train_set"
        ),
        "DATASETS.TRAIN",
        ("--dataset-name", "--name"),
        "It takes names of registered datasets; tools/prepare_dataset.py registers one.",
    ),
    NearName(
        _words(
            "datasets.val datasets.valid datasets.validation datasets.eval val_dataset val_datasets val_data "
            "valset test_dataset test_datasets test_data val_dataloader test_dataloader ann_file_val "
            "ann_file_test test.dataset val_set test_set"
        ),
        "DATASETS.TEST",
        ("--val-dataset", "--dataset-name"),
        "It takes names of registered datasets; tools/prepare_dataset.py registers one.",
    ),
    NearName(
        _words(
            "data_root data_path data_folder data_prefix dataset_root dataset_dir datasets_dir path_to_data_dir "
            "data_dir"
        ),
        "DATASETS.DATA_DIR",
    ),
    NearName(
        _words("nc num_classes n_classes number_of_classes"),
        "MODEL.ROI_ACTION_HEAD.NUM_CLASSES",
        ("--num-classes",),
        "Runs take it from the label map of the dataset.",
    ),
    NearName(
        _words(
            "backbone arch architecture model model_name model_type encoder backbone.depth backbone.type "
            "backbone.name resnets.depth resnet.depth depth network net"
        ),
        "MODEL.BACKBONE.CONV_BODY",
        ("--backbone",),
        "It names the network, such as Slowfast-Resnet50; MODEL.WEIGHT is the file of its weights.",
    ),
    NearName(_words("dropout dropout_ratio dropout_p drop_rate"), "MODEL.ROI_ACTION_HEAD.DROPOUT_RATE"),
    NearName(_words("norm_eval freeze_bn bn_frozen"), "MODEL.BACKBONE.FROZEN_BN"),
    NearName(
        _words(
            "conf conf_thres conf_threshold score_thr score_threshold score_thresh_test person_det_score_thr "
            "det_score_thr detection_score_thresh thresh threshold thr score_thresh min_conf confidence "
            "min_confidence confidence_threshold box_score_thresh box_thr action_score_thr score vis_threshold"
        ),
        "TEST.BOX_THRESH",
        ("--score", "--min-score"),
    ),
    NearName(
        _words("patience early_stopping early_stop early_stopping_patience"),
        "SOLVER.PATIENCE",
        note="It counts evaluations.",
    ),
    NearName(
        _words("save_best monitor best_metric metric_for_best_model key_indicator checkpoint_metric"),
        "SOLVER.BEST_METRIC",
        note="The best one is kept as model_best.pth.",
    ),
    NearName(_words("ema ema_decay model_ema model_ema_decay use_ema emahook ema_momentum"), "SOLVER.EMA_DECAY"),
    NearName(
        _words("repeat_threshold repeat_thr oversample_thr oversample class_balanced sampler_train repeat_factor"),
        "DATALOADER.REPEAT_THRESHOLD",
    ),
    NearName(
        _words(
            "source input input_video video_path video_file video_input video_dir video_root video_folder videos video"
        ),
        "",
        ("--video", "--videos"),
        _VIDEO,
    ),
    NearName(
        _words("cfg cfg_file cfg_path config config_path config_name config_file c"),
        "",
        ("--config-file", "CONFIG (the first word, without a flag)"),
        _CONFIG,
    ),
    NearName(_words("cfg_options opts options override overrides set hparams hyp"), note=_KEYS),
    NearName(
        _words("adjust_learning_rate auto_scale_lr scale_lr autoscale_lr"),
        "",
        ("--adjust-lr",),
        "--adjust-lr of train_net.py scales the schedule; tools/finetune_quickstart.sh always does.",
    ),
    NearName(
        _words("eval_only eval test_only validate_only evaluate test.enable train.enable do_eval do_train mode task"),
        note=_TEST,
    ),
    NearName(
        _words("no_val no_validate noval no_eval no_validation skip_validation skip_eval val validate"),
        "",
        ("--skip-val", "--skip-val-in-train"),
        _NO_VAL,
    ),
    NearName(
        _words(
            "val_split val_ratio validation_split valid_split val_size val_percent val_frac test_size test_split "
            "split_ratio train_split train_ratio split"
        ),
        "",
        ("--val-fraction",),
        _SHARE,
    ),
    NearName(
        _words(
            "boxes bboxes detections person_boxes person_detections human_boxes proposals proposal_file "
            "proposal_file_train proposal_file_val detection_file det_file dets train_predict_box_lists "
            "test_predict_box_lists import import_boxes precomputed_proposals"
        ),
        "",
        ("--person-boxes", "--detections", "--import"),
        _BOXES,
    ),
    NearName(
        _words(
            "classes class_names names labels label_file label_map label_map_file label_map_path labelmap "
            "class_file class_list class_map names_file custom_classes metainfo"
        ),
        "",
        ("--label-map", "--class-id", "--num-classes"),
        _CLASSES,
    ),
    NearName(
        _words(
            "annotation ann_file annotation_file annotations annotations_file anno ann anns ann_dir labels_dir gt "
            "ground_truth train_gt_box_lists train_lists"
        ),
        "",
        ("--annotations",),
        "--annotations of tools/prepare_dataset.py names the files of a tool; the dataset that it makes goes into "
        "DATASETS.TRAIN.",
    ),
    NearName(
        _words("exclude_file exclusion_file excluded_timestamps"),
        "",
        ("--val-exclusions",),
        "--train-exclusions and --val-exclusions of tools/prepare_dataset.py name the seconds that are left out.",
    ),
    NearName(
        _words("overwrite exist_ok force_overwrite overwrite_output_dir clobber replace f"),
        "",
        ("--force",),
        "--force of the tools replaces files; a training starts anew in another OUTPUT_DIR.",
    ),
    NearName(
        _words("y yes assume_yes no_prompt noninteractive non_interactive batch_mode"),
        "",
        ("--yes",),
        "--yes of tools/finetune_quickstart.sh starts without a question.",
    ),
    NearName(
        _words("save_csv csv_file csv_path csv_out out_csv save_txt save_json dump result_file out_items"),
        "",
        ("--csv",),
        "--csv of tools/predict_video.py writes the scores of a video; test_net.py writes those of a dataset into "
        "OUTPUT_DIR/inference.",
    ),
    NearName(
        _words("save_video out_video video_output"),
        "",
        ("--output",),
        "--output of tools/predict_video.py writes a video.",
    ),
    NearName(
        _words("show show_dir visualize vis plots save_img draw save_images show_interval"),
        note=_PICTURES,
    ),
    NearName(
        _words("det detect person_detector det_config detector_model det_cat_id human_detector"),
        "",
        ("--detector", "--model"),
        "--detector of tools/predict_video.py and tools/detect_persons.py find persons.",
    ),
    NearName(
        _words("det_checkpoint det_weights detector_checkpoint"),
        "",
        ("--detector-weights", "--weights"),
        "--detector-weights of tools/predict_video.py, --weights of tools/detect_persons.py.",
    ),
    NearName(
        _words("max_det max_detections detections_per_image max_boxes max_per_img"),
        "",
        ("--max-per-frame",),
        "--max-per-frame of tools/detect_persons.py limits the boxes of a frame.",
    ),
    NearName(
        _words("start_time start_second begin ss from_second t_start"),
        "",
        ("--start",),
        "--start of tools/predict_video.py is a second of the video.",
    ),
    NearName(
        _words("end_time end_second stop_time to_second t_end"),
        "",
        ("--end",),
        "--end of tools/predict_video.py is a second of the video.",
    ),
    NearName(
        _words("tensorboard use_tensorboard tensorboard.enable logger vis_backends use_tb tb"),
        "",
        ("--use-tfboard",),
        _TENSORBOARD,
    ),
    NearName(
        _words("wandb use_wandb log_wandb wandb_project enable_wandb mlflow use_mlflow report_to logging_service"),
        "",
        ("--log-to",),
        "--log-to wandb and --log-to mlflow of train_net.py show a run there.",
    ),
    NearName(_words("no_tb no_logger disable_tensorboard"), "", ("--no-tensorboard",), _TENSORBOARD),
    NearName(
        _words(
            "fast_dev_run dryrun check validate_config sanity_check check_only test_run num_sanity_val_steps plan_only"
        ),
        "",
        ("--plan", "--dry-run"),
        _SHORT_RUN,
    ),
    NearName(
        _words("transfer_learning finetune fine_tune weights_only"),
        "",
        ("--transfer", "--new-classes"),
        "--transfer of train_net.py takes only the weights of MODEL.WEIGHT; tools/finetune_quickstart.sh always does.",
    ),
    NearName(
        _words("reset_head new_head ignore_head skip_head no_classifier exclude_head reinit_head"),
        "",
        ("--no-head", "--new-classes"),
        "--no-head of train_net.py (--new-classes of tools/finetune_quickstart.sh) starts a new action head.",
    ),
    NearName(_words("seed manual_seed random_seed rng_seed"), "", ("--seed",), _SEED),
)
