/* domain_jobs.c - the one list of the rooms' types of job. A file of its own because the tests' worker has more of them (job_double.c). */
#include "fieldwork/fieldwork.h"
#include "mail/mail.h"
#include "main/domains.h"
#include "privacy/privacy.h"

const struct job_type *const domains_jobs[] = {
    &partitions_job,
    &purge_job,
    &mail_job,
    &reseal_job,
    &search_job,
    &response_action_job,
    &link_codes_job,
    &link_postback_job,
    &abandon_job,
    &lease_job,
    &retention_job,
    &erase_job,
    &export_job,
    &privacy_purge_job,
    NULL,
};
