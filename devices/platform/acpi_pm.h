/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the class "acpi-pm", relative to its place, as the FADT must tell them. */
#ifndef DEVICES_PLATFORM_ACPI_PM_H
#define DEVICES_PLATFORM_ACPI_PM_H

#define ACPI_PM_BLOCK_SIZE 16

/* ACPI 6.5, 4.8.3.1: PM1a event block, PM1_EVT_LEN 4: status, then enable */
#define ACPI_PM1_STS 0
#define ACPI_PM1_EN 2
#define ACPI_PM1_EVT_LEN 4

/* 4.8.3.2: PM1a control block */
#define ACPI_PM1_CNT 4
#define ACPI_PM1_CNT_LEN 2

/* 4.8.3.6: reset register, 8 bits, and the FADT's RESET_VALUE */
#define ACPI_PM_RESET 8
#define ACPI_PM_RESET_VALUE 1

/* 7.4.2: SLP_TYPa of the package \_S5 */
#define ACPI_PM_S5 5

#endif
