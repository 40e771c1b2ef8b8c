/* demo_surveys.h - the questionnaires that `collect up --demo` publishes; the build makes the constants from engine/corpus. */
#ifndef MAIN_DEMO_SURVEYS_H
#define MAIN_DEMO_SURVEYS_H

#include "base/str.h"

extern const struct str demo_survey_csat, demo_survey_brand_tracker;

#endif
